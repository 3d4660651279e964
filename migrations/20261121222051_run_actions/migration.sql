CREATE TABLE "run_actions" (
	"run_id" uuid,
	"repository" text,
	"ref" text,
	"commit" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "run_actions_pkey" PRIMARY KEY("run_id","repository","ref")
);
--> statement-breakpoint
ALTER TABLE "run_actions" ADD CONSTRAINT "run_actions_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE CASCADE;