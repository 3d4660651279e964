CREATE TABLE "test_reports" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"artifact_id" uuid NOT NULL,
	"name" text NOT NULL,
	"attempt" integer NOT NULL,
	"commit" text NOT NULL,
	"tests" jsonb,
	"failures" jsonb DEFAULT '[]' NOT NULL,
	"coverage" jsonb,
	"problems" jsonb DEFAULT '[]' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "test_reports_artifact_unique" ON "test_reports" ("artifact_id");--> statement-breakpoint
CREATE INDEX "test_reports_run" ON "test_reports" ("run_id");--> statement-breakpoint
CREATE INDEX "test_reports_commit" ON "test_reports" ("project_id","commit","name");--> statement-breakpoint
ALTER TABLE "test_reports" ADD CONSTRAINT "test_reports_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "test_reports" ADD CONSTRAINT "test_reports_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "test_reports" ADD CONSTRAINT "test_reports_artifact_id_run_artifacts_id_fkey" FOREIGN KEY ("artifact_id") REFERENCES "run_artifacts"("id") ON DELETE CASCADE;