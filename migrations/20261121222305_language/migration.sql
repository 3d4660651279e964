CREATE TABLE "concurrency_claims" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"job_id" uuid,
	"name" text NOT NULL,
	"cancels_others" boolean NOT NULL,
	"is_queue" boolean NOT NULL,
	"state" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "concurrency_claims_state" CHECK ("state" in ('waiting', 'holding', 'superseded', 'ousted'))
);
--> statement-breakpoint
CREATE TABLE "pipeline_triggers" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"file" text NOT NULL,
	"event" text NOT NULL,
	"cron" text DEFAULT '' NOT NULL,
	"timezone" text DEFAULT '' NOT NULL,
	"next_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pipeline_triggers_event" CHECK ("event" in ('schedule', 'workflow_run', 'repository_dispatch'))
);
--> statement-breakpoint
ALTER TABLE "projects" ADD COLUMN "releases_green_commits" boolean DEFAULT true NOT NULL;--> statement-breakpoint
ALTER TABLE "jobs" ADD COLUMN "concurrency" jsonb;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD COLUMN "called" jsonb DEFAULT '{}' NOT NULL;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD COLUMN "trigger" jsonb;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD COLUMN "trigger_key" text;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD COLUMN "concurrency" jsonb;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD COLUMN "announced" integer DEFAULT 3 NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "concurrency_claims_one_holds" ON "concurrency_claims" ("project_id","name") WHERE "state" in ('holding', 'ousted');--> statement-breakpoint
CREATE UNIQUE INDEX "concurrency_claims_job_unique" ON "concurrency_claims" ("job_id");--> statement-breakpoint
CREATE UNIQUE INDEX "concurrency_claims_run_unique" ON "concurrency_claims" ("run_id") WHERE "job_id" is null;--> statement-breakpoint
CREATE INDEX "concurrency_claims_name" ON "concurrency_claims" ("project_id","name");--> statement-breakpoint
CREATE INDEX "concurrency_claims_run" ON "concurrency_claims" ("run_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pipeline_runs_trigger_unique" ON "pipeline_runs" ("pipeline_id","trigger_key");--> statement-breakpoint
CREATE INDEX "pipeline_runs_unannounced" ON "pipeline_runs" ("id") WHERE "announced" < 3;--> statement-breakpoint
CREATE INDEX "pipeline_runs_commit" ON "pipeline_runs" ("project_id","commit");--> statement-breakpoint
CREATE UNIQUE INDEX "pipeline_triggers_unique" ON "pipeline_triggers" ("project_id","file","event","cron","timezone");--> statement-breakpoint
CREATE INDEX "pipeline_triggers_due" ON "pipeline_triggers" ("next_at") WHERE ("next_at" is not null);--> statement-breakpoint
ALTER TABLE "concurrency_claims" ADD CONSTRAINT "concurrency_claims_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "concurrency_claims" ADD CONSTRAINT "concurrency_claims_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "concurrency_claims" ADD CONSTRAINT "concurrency_claims_job_id_jobs_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pipeline_triggers" ADD CONSTRAINT "pipeline_triggers_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pipeline_runs" DROP CONSTRAINT "pipeline_runs_event", ADD CONSTRAINT "pipeline_runs_event" CHECK ("event" in ('push', 'workflow_dispatch', 'schedule', 'workflow_run', 'repository_dispatch'));