CREATE TABLE "run_artifacts" (
	"id" uuid PRIMARY KEY,
	"number" bigint GENERATED ALWAYS AS IDENTITY (sequence name "run_artifacts_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"project_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"job_id" uuid,
	"name" text NOT NULL,
	"mime_type" text NOT NULL,
	"file_id" uuid NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"digest" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"expires_at" timestamp with time zone NOT NULL,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "caches" (
	"id" uuid PRIMARY KEY,
	"number" bigint GENERATED ALWAYS AS IDENTITY (sequence name "caches_number_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"project_id" uuid NOT NULL,
	"scope" text NOT NULL,
	"key" text NOT NULL,
	"version" text NOT NULL,
	"file_id" uuid NOT NULL,
	"job_id" uuid NOT NULL,
	"bytes" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "file_pieces" (
	"file_id" uuid,
	"key" text,
	"place" integer,
	"digest" text NOT NULL,
	"bytes" bigint NOT NULL,
	CONSTRAINT "file_pieces_pkey" PRIMARY KEY("file_id","key")
);
--> statement-breakpoint
CREATE TABLE "stored_files" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"run_id" uuid,
	"job_id" uuid NOT NULL,
	"fence" bigint NOT NULL,
	"max_bytes" bigint NOT NULL,
	"bytes" bigint,
	"digest" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"completed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE UNIQUE INDEX "run_artifacts_name_unique" ON "run_artifacts" ("run_id","attempt","name") WHERE ("finished_at" is not null);--> statement-breakpoint
CREATE UNIQUE INDEX "run_artifacts_file_unique" ON "run_artifacts" ("file_id");--> statement-breakpoint
CREATE UNIQUE INDEX "run_artifacts_number_unique" ON "run_artifacts" ("number");--> statement-breakpoint
CREATE INDEX "run_artifacts_project" ON "run_artifacts" ("project_id","id");--> statement-breakpoint
CREATE INDEX "run_artifacts_expiry" ON "run_artifacts" ("expires_at");--> statement-breakpoint
CREATE UNIQUE INDEX "caches_key_unique" ON "caches" ("project_id","scope","key","version") WHERE ("finished_at" is not null);--> statement-breakpoint
CREATE UNIQUE INDEX "caches_file_unique" ON "caches" ("file_id");--> statement-breakpoint
CREATE UNIQUE INDEX "caches_number_unique" ON "caches" ("number");--> statement-breakpoint
CREATE INDEX "caches_use" ON "caches" ("project_id","used_at");--> statement-breakpoint
CREATE INDEX "caches_unused" ON "caches" ("used_at");--> statement-breakpoint
CREATE INDEX "file_pieces_digest" ON "file_pieces" ("digest");--> statement-breakpoint
CREATE INDEX "stored_files_run" ON "stored_files" ("run_id");--> statement-breakpoint
CREATE INDEX "stored_files_project" ON "stored_files" ("project_id");--> statement-breakpoint
CREATE INDEX "stored_files_open" ON "stored_files" ("created_at") WHERE "completed_at" is null;--> statement-breakpoint
ALTER TABLE "run_artifacts" ADD CONSTRAINT "run_artifacts_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "run_artifacts" ADD CONSTRAINT "run_artifacts_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "run_artifacts" ADD CONSTRAINT "run_artifacts_job_id_jobs_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "run_artifacts" ADD CONSTRAINT "run_artifacts_file_id_stored_files_id_fkey" FOREIGN KEY ("file_id") REFERENCES "stored_files"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "caches" ADD CONSTRAINT "caches_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "caches" ADD CONSTRAINT "caches_file_id_stored_files_id_fkey" FOREIGN KEY ("file_id") REFERENCES "stored_files"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "file_pieces" ADD CONSTRAINT "file_pieces_file_id_stored_files_id_fkey" FOREIGN KEY ("file_id") REFERENCES "stored_files"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "stored_files" ADD CONSTRAINT "stored_files_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "stored_files" ADD CONSTRAINT "stored_files_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE CASCADE;