ALTER TABLE "sessions" ADD COLUMN "user_agent" text;--> statement-breakpoint
CREATE INDEX "deployments_failed" ON "deployments" ("project_id","finished_at") WHERE "status" in ('failed', 'rolled_back', 'rollback_failed');--> statement-breakpoint
CREATE INDEX "pipeline_runs_branch" ON "pipeline_runs" ("pipeline_id","ref","number");--> statement-breakpoint
CREATE INDEX "pipeline_runs_failed" ON "pipeline_runs" ("project_id","finished_at") WHERE "status" in ('failed', 'timed_out', 'invalid');