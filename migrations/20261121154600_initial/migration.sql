CREATE SEQUENCE "public"."event_positions" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1;--> statement-breakpoint
CREATE TABLE "project_events" (
	"id" uuid PRIMARY KEY,
	"position" bigint,
	"organization_id" uuid NOT NULL,
	"project_id" uuid,
	"type" text NOT NULL,
	"subject_id" uuid NOT NULL,
	"actor_kind" text NOT NULL,
	"actor_id" uuid,
	"data" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "leases" (
	"subject_id" uuid PRIMARY KEY,
	"kind" text NOT NULL,
	"owner" uuid NOT NULL,
	"fence" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "access_tokens" (
	"id" uuid PRIMARY KEY,
	"user_id" uuid NOT NULL,
	"name" text NOT NULL,
	"hash" text NOT NULL,
	"prefix" text NOT NULL,
	"expires_at" timestamp with time zone,
	"last_used_at" timestamp with time zone,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sessions" (
	"id" uuid PRIMARY KEY,
	"user_id" uuid NOT NULL,
	"refresh_hash" text NOT NULL,
	"previous_refresh_hash" text,
	"network" text NOT NULL,
	"rotated_at" timestamp with time zone,
	"expires_at" timestamp with time zone NOT NULL,
	"revoked_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "setup_links" (
	"id" uuid PRIMARY KEY,
	"hash" text NOT NULL UNIQUE,
	"expires_at" timestamp with time zone NOT NULL,
	"used_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "sign_in_limits" (
	"key" text PRIMARY KEY,
	"count" integer NOT NULL,
	"ends_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "deployments" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"environment_id" uuid NOT NULL,
	"release_id" uuid NOT NULL,
	"host_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"kind" text NOT NULL,
	"origin" text NOT NULL,
	"deployment_method" text DEFAULT 'manual' NOT NULL,
	"git_commit_sha" text,
	"gitops_resource_id" uuid,
	"status" text DEFAULT 'queued' NOT NULL,
	"reason" text,
	"snapshot" jsonb NOT NULL,
	"digest" text NOT NULL,
	"snapshot_of" uuid,
	"replaces" uuid,
	"requested_by" uuid,
	"run_id" uuid,
	"run_number" integer,
	"request_key" text,
	"stages" jsonb DEFAULT '{}' NOT NULL,
	"cancel_requested_at" timestamp with time zone,
	"cancel_reason" text,
	"flagged_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"finished_at" timestamp with time zone,
	CONSTRAINT "deployments_status" CHECK ("status" in ('queued', 'waiting', 'preparing', 'migrating', 'rolling_out', 'verifying', 'switching', 'soaking', 'succeeded', 'rolling_back', 'rolled_back', 'rollback_failed', 'failed', 'canceled', 'superseded')),
	CONSTRAINT "deployments_method" CHECK ("deployment_method" in ('manual', 'gitops-ui', 'gitops-git', 'pipeline')),
	CONSTRAINT "deployments_kind" CHECK ("kind" in ('deploy', 'promotion', 'rollback')),
	CONSTRAINT "deployments_origin" CHECK ("origin" in ('person', 'workflow', 'automatic'))
);
--> statement-breakpoint
CREATE TABLE "health_evidence" (
	"id" bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY (sequence name "health_evidence_id_seq" INCREMENT BY 1 MINVALUE 1 MAXVALUE 9223372036854775807 START WITH 1 CACHE 1),
	"deployment_id" uuid NOT NULL,
	"instance_id" uuid NOT NULL,
	"seq" integer NOT NULL,
	"at" timestamp with time zone NOT NULL,
	"good" boolean NOT NULL,
	"status" integer,
	"latency_ms" real NOT NULL,
	"body" text NOT NULL,
	"stage" text NOT NULL
);
--> statement-breakpoint
CREATE TABLE "instances" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"environment_id" uuid NOT NULL,
	"deployment_id" uuid NOT NULL,
	"host_id" uuid NOT NULL,
	"service" text NOT NULL,
	"index" integer NOT NULL,
	"kind" text DEFAULT 'instance' NOT NULL,
	"life" integer DEFAULT 0 NOT NULL,
	"want" text DEFAULT 'running' NOT NULL,
	"state" text DEFAULT 'waiting' NOT NULL,
	"reason" text,
	"port" integer,
	"pid" integer,
	"restarts" integer DEFAULT 0 NOT NULL,
	"exit_code" integer,
	"exit_signal" text,
	"started_at" timestamp with time zone,
	"last_probe" integer DEFAULT 0 NOT NULL,
	"not_honoured" jsonb DEFAULT '[]' NOT NULL,
	"lines" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"stopped_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "environments" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"name" text NOT NULL,
	"position" integer NOT NULL,
	"config" jsonb NOT NULL,
	"host_id" uuid,
	"health" text DEFAULT 'missing' NOT NULL,
	"sync" text DEFAULT 'unknown' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "environments_health" CHECK ("health" in ('healthy', 'progressing', 'degraded', 'missing', 'unknown')),
	CONSTRAINT "environments_sync" CHECK ("sync" in ('synced', 'out_of_sync', 'unknown'))
);
--> statement-breakpoint
CREATE TABLE "agents" (
	"id" uuid PRIMARY KEY,
	"host_id" uuid NOT NULL UNIQUE,
	"token_hash" text NOT NULL UNIQUE,
	"labels" jsonb NOT NULL,
	"slots" integer DEFAULT 2 NOT NULL,
	"isolation" text,
	"build" text,
	"incarnation" uuid,
	"last_report" bigint DEFAULT 0 NOT NULL,
	"observed_incarnation" uuid,
	"observed_seq" bigint DEFAULT 0 NOT NULL,
	"last_seen_at" timestamp with time zone,
	"edge" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "agents_isolation" CHECK ("isolation" in ('isolated', 'separate users', 'trusted'))
);
--> statement-breakpoint
CREATE TABLE "hosts" (
	"id" uuid PRIMARY KEY,
	"name" text NOT NULL UNIQUE,
	"is_local" boolean DEFAULT false NOT NULL,
	"revision" bigint DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "invitations" (
	"id" uuid PRIMARY KEY,
	"organization_id" uuid NOT NULL,
	"email" text NOT NULL,
	"role" text NOT NULL,
	"hash" text NOT NULL UNIQUE,
	"invited_by" uuid,
	"expires_at" timestamp with time zone NOT NULL,
	"accepted_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "invitations_role" CHECK ("role" in ('owner', 'developer', 'viewer'))
);
--> statement-breakpoint
CREATE TABLE "organization_members" (
	"organization_id" uuid,
	"user_id" uuid,
	"role" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "organization_members_pkey" PRIMARY KEY("organization_id","user_id"),
	CONSTRAINT "organization_members_role" CHECK ("role" in ('owner', 'developer', 'viewer'))
);
--> statement-breakpoint
CREATE TABLE "organizations" (
	"id" uuid PRIMARY KEY,
	"slug" text NOT NULL UNIQUE,
	"name" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "pipelines" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"file" text NOT NULL,
	"name" text NOT NULL,
	"origin" text NOT NULL,
	"last_run" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "pipelines_origin" CHECK ("origin" in ('repository', 'default'))
);
--> statement-breakpoint
CREATE TABLE "projects" (
	"id" uuid PRIMARY KEY,
	"organization_id" uuid NOT NULL,
	"slug" text NOT NULL,
	"name" text NOT NULL,
	"last_run" integer DEFAULT 0 NOT NULL,
	"last_release" integer DEFAULT 0 NOT NULL,
	"last_deployment" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "artifacts" (
	"project_id" uuid,
	"digest" text,
	"bytes" bigint NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"used_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "artifacts_pkey" PRIMARY KEY("project_id","digest")
);
--> statement-breakpoint
CREATE TABLE "releases" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"number" integer NOT NULL,
	"name" text,
	"digest" text NOT NULL,
	"commit" text,
	"ref" text,
	"run_id" uuid,
	"run_number" integer,
	"created_by" uuid,
	"request_key" text,
	"application" jsonb NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"followed_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "pushes" (
	"id" uuid PRIMARY KEY,
	"repository_id" uuid NOT NULL,
	"project_id" uuid NOT NULL,
	"place" integer DEFAULT 0 NOT NULL,
	"ref" text NOT NULL,
	"before" text NOT NULL,
	"after" text NOT NULL,
	"pusher_id" uuid,
	"status" text DEFAULT 'received' NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"handled_at" timestamp with time zone,
	CONSTRAINT "pushes_status" CHECK ("status" in ('received', 'accepted', 'handled', 'refused'))
);
--> statement-breakpoint
CREATE TABLE "repositories" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"kind" text DEFAULT 'hosted' NOT NULL,
	"default_branch" text,
	"gitops_config" jsonb,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone,
	CONSTRAINT "repositories_kind" CHECK ("kind" in ('hosted'))
);
--> statement-breakpoint
CREATE TABLE "repository_refs" (
	"repository_id" uuid,
	"ref" text,
	"commit" text NOT NULL,
	CONSTRAINT "repository_refs_pkey" PRIMARY KEY("repository_id","ref")
);
--> statement-breakpoint
CREATE TABLE "routes" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"environment_id" uuid NOT NULL,
	"hostname" text NOT NULL UNIQUE,
	"is_default" boolean DEFAULT true NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"serving_deployment_id" uuid,
	"standby_deployment_id" uuid,
	"is_soaking" boolean DEFAULT false NOT NULL,
	"observed_generation" integer,
	"observed_serving_id" uuid,
	"observed_since" timestamp with time zone,
	"is_drained" boolean DEFAULT false NOT NULL,
	"soak_deployment_id" uuid,
	"soak_state" text,
	"soak_elapsed_ms" real,
	"soak_reason" text,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "annotations" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"step_id" uuid NOT NULL,
	"level" text NOT NULL,
	"message" text NOT NULL,
	"title" text,
	"file" text,
	"line" integer,
	"column" integer,
	"log_line" integer NOT NULL
);
--> statement-breakpoint
CREATE TABLE "job_tokens" (
	"hash" text PRIMARY KEY,
	"job_id" uuid NOT NULL,
	"project_id" uuid NOT NULL,
	"fence" bigint NOT NULL,
	"expires_at" timestamp with time zone NOT NULL
);
--> statement-breakpoint
CREATE TABLE "jobs" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"run_id" uuid NOT NULL,
	"attempt" integer NOT NULL,
	"key" text NOT NULL,
	"place" integer,
	"repeat" integer DEFAULT 1 NOT NULL,
	"name" text NOT NULL,
	"instance" jsonb,
	"needs" jsonb NOT NULL,
	"labels" jsonb DEFAULT '[]' NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"reason" text,
	"outputs" jsonb DEFAULT '{}' NOT NULL,
	"is_unrepeatable" boolean DEFAULT false NOT NULL,
	"continue_on_error" boolean DEFAULT false NOT NULL,
	"environment" text,
	"timeout_ms" integer NOT NULL,
	"cancel_reason" text,
	"carried_from" uuid,
	"agent_id" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"queued_at" timestamp with time zone,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "jobs_status" CHECK ("status" in ('pending', 'queued', 'leased', 'running', 'succeeded', 'failed', 'canceled', 'timed_out', 'lost', 'skipped'))
);
--> statement-breakpoint
CREATE TABLE "log_chunks" (
	"stream_id" uuid,
	"first_seq" integer,
	"last_seq" integer NOT NULL,
	"project_id" uuid NOT NULL,
	"lines" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "log_chunks_pkey" PRIMARY KEY("stream_id","first_seq")
);
--> statement-breakpoint
CREATE TABLE "pipeline_runs" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"pipeline_id" uuid NOT NULL,
	"push_id" uuid,
	"number" integer NOT NULL,
	"pipeline_number" integer NOT NULL,
	"attempt" integer DEFAULT 1 NOT NULL,
	"event" text NOT NULL,
	"ref" text NOT NULL,
	"commit" text NOT NULL,
	"before" text,
	"title" text NOT NULL,
	"commit_message" text NOT NULL,
	"commit_author" text NOT NULL,
	"source" jsonb NOT NULL,
	"actor_id" uuid,
	"inputs" jsonb DEFAULT '{}' NOT NULL,
	"workflow_file" text NOT NULL,
	"workflow_text" text NOT NULL,
	"problems" jsonb DEFAULT '[]' NOT NULL,
	"status" text DEFAULT 'created' NOT NULL,
	"reason" text,
	"cancel_requested_at" timestamp with time zone,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "pipeline_runs_status" CHECK ("status" in ('created', 'blocked', 'queued', 'running', 'succeeded', 'failed', 'canceled', 'timed_out', 'skipped', 'superseded', 'invalid')),
	CONSTRAINT "pipeline_runs_event" CHECK ("event" in ('push', 'workflow_dispatch'))
);
--> statement-breakpoint
CREATE TABLE "steps" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"job_id" uuid NOT NULL,
	"place" integer NOT NULL,
	"name" text NOT NULL,
	"status" text DEFAULT 'pending' NOT NULL,
	"outcome" text,
	"conclusion" text,
	"exit_code" integer,
	"reason" text,
	"summary" text,
	"lines" integer DEFAULT 0 NOT NULL,
	"started_at" timestamp with time zone,
	"finished_at" timestamp with time zone,
	CONSTRAINT "steps_status" CHECK ("status" in ('pending', 'running', 'succeeded', 'failed', 'canceled', 'skipped'))
);
--> statement-breakpoint
CREATE TABLE "data_keys" (
	"id" uuid PRIMARY KEY,
	"organization_id" uuid NOT NULL,
	"sealed" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "secret_versions" (
	"id" uuid PRIMARY KEY,
	"secret_id" uuid NOT NULL,
	"version" integer NOT NULL,
	"data_key_id" uuid NOT NULL,
	"sealed" text NOT NULL,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "secrets" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"environment_id" uuid,
	"name" text NOT NULL,
	"last_version" integer DEFAULT 0 NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	"deleted_at" timestamp with time zone
);
--> statement-breakpoint
CREATE TABLE "variables" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"environment_id" uuid,
	"name" text NOT NULL,
	"value" text NOT NULL,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE TABLE "users" (
	"id" uuid PRIMARY KEY,
	"email" text NOT NULL,
	"name" text NOT NULL,
	"password_hash" text NOT NULL,
	"is_super_admin" boolean DEFAULT false NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE UNIQUE INDEX "project_events_position" ON "project_events" ("position");--> statement-breakpoint
CREATE INDEX "project_events_unplaced" ON "project_events" ("id") WHERE "position" is null;--> statement-breakpoint
CREATE INDEX "project_events_project" ON "project_events" ("project_id","position");--> statement-breakpoint
CREATE INDEX "project_events_organization" ON "project_events" ("organization_id","position");--> statement-breakpoint
CREATE INDEX "leases_expiry" ON "leases" ("kind","expires_at");--> statement-breakpoint
CREATE INDEX "leases_owner" ON "leases" ("owner");--> statement-breakpoint
CREATE UNIQUE INDEX "access_tokens_hash_unique" ON "access_tokens" ("hash");--> statement-breakpoint
CREATE INDEX "access_tokens_user" ON "access_tokens" ("user_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "sessions_refresh_unique" ON "sessions" ("refresh_hash");--> statement-breakpoint
CREATE INDEX "sessions_previous" ON "sessions" ("previous_refresh_hash");--> statement-breakpoint
CREATE INDEX "sessions_user" ON "sessions" ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "deployments_number_unique" ON "deployments" ("project_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "deployments_request_unique" ON "deployments" ("project_id","request_key");--> statement-breakpoint
CREATE UNIQUE INDEX "deployments_one_active" ON "deployments" ("environment_id") WHERE "status" in ('preparing', 'migrating', 'rolling_out', 'verifying', 'switching', 'soaking', 'rolling_back');--> statement-breakpoint
CREATE INDEX "deployments_environment" ON "deployments" ("environment_id","number");--> statement-breakpoint
CREATE INDEX "deployments_open" ON "deployments" ("id") WHERE not ("status" in ('succeeded', 'rolled_back', 'rollback_failed', 'failed', 'canceled', 'superseded'));--> statement-breakpoint
CREATE UNIQUE INDEX "health_evidence_unique" ON "health_evidence" ("instance_id","seq");--> statement-breakpoint
CREATE INDEX "health_evidence_deployment" ON "health_evidence" ("deployment_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "instances_place_unique" ON "instances" ("deployment_id","kind","service","index","life");--> statement-breakpoint
CREATE INDEX "instances_wanted" ON "instances" ("host_id") WHERE "want" <> 'gone';--> statement-breakpoint
CREATE UNIQUE INDEX "environments_name_unique" ON "environments" ("project_id","name") WHERE "deleted_at" is null;--> statement-breakpoint
CREATE INDEX "organization_members_user" ON "organization_members" ("user_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pipelines_file_unique" ON "pipelines" ("project_id","file");--> statement-breakpoint
CREATE UNIQUE INDEX "projects_slug_unique" ON "projects" ("organization_id","slug") WHERE "deleted_at" is null;--> statement-breakpoint
CREATE INDEX "artifacts_digest" ON "artifacts" ("digest");--> statement-breakpoint
CREATE UNIQUE INDEX "releases_number_unique" ON "releases" ("project_id","number");--> statement-breakpoint
CREATE UNIQUE INDEX "releases_request_unique" ON "releases" ("project_id","request_key");--> statement-breakpoint
CREATE INDEX "releases_run" ON "releases" ("run_id");--> statement-breakpoint
CREATE INDEX "releases_bundle" ON "releases" ("project_id","digest");--> statement-breakpoint
CREATE INDEX "releases_unfollowed" ON "releases" ("id") WHERE "followed_at" is null;--> statement-breakpoint
CREATE INDEX "pushes_open" ON "pushes" ("created_at") WHERE "status" in ('received', 'accepted');--> statement-breakpoint
CREATE INDEX "pushes_project" ON "pushes" ("project_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "repositories_project_unique" ON "repositories" ("project_id") WHERE "deleted_at" is null;--> statement-breakpoint
CREATE INDEX "routes_environment" ON "routes" ("environment_id");--> statement-breakpoint
CREATE INDEX "annotations_step" ON "annotations" ("step_id","id");--> statement-breakpoint
CREATE UNIQUE INDEX "jobs_place_unique" ON "jobs" ("run_id","attempt","key","place","repeat");--> statement-breakpoint
CREATE INDEX "jobs_queued" ON "jobs" ("queued_at") WHERE "status" = 'queued';--> statement-breakpoint
CREATE INDEX "jobs_held" ON "jobs" ("agent_id") WHERE "status" in ('leased', 'running');--> statement-breakpoint
CREATE INDEX "log_chunks_age" ON "log_chunks" ("created_at");--> statement-breakpoint
CREATE UNIQUE INDEX "pipeline_runs_push_unique" ON "pipeline_runs" ("push_id","pipeline_id");--> statement-breakpoint
CREATE UNIQUE INDEX "pipeline_runs_number_unique" ON "pipeline_runs" ("project_id","number");--> statement-breakpoint
CREATE INDEX "pipeline_runs_open" ON "pipeline_runs" ("id") WHERE "status" in ('created', 'blocked', 'queued', 'running');--> statement-breakpoint
CREATE INDEX "pipeline_runs_finished" ON "pipeline_runs" ("finished_at");--> statement-breakpoint
CREATE UNIQUE INDEX "steps_place_unique" ON "steps" ("job_id","place");--> statement-breakpoint
CREATE UNIQUE INDEX "secret_versions_unique" ON "secret_versions" ("secret_id","version");--> statement-breakpoint
CREATE UNIQUE INDEX "secrets_name_unique" ON "secrets" ("project_id",coalesce("environment_id", '00000000-0000-0000-0000-000000000000'::uuid),"name") WHERE "deleted_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX "variables_name_unique" ON "variables" ("project_id",coalesce("environment_id", '00000000-0000-0000-0000-000000000000'::uuid),"name");--> statement-breakpoint
CREATE UNIQUE INDEX "users_email_unique" ON "users" (lower("email"));--> statement-breakpoint
ALTER TABLE "access_tokens" ADD CONSTRAINT "access_tokens_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "sessions" ADD CONSTRAINT "sessions_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_environment_id_environments_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_release_id_releases_id_fkey" FOREIGN KEY ("release_id") REFERENCES "releases"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_snapshot_of_deployments_id_fkey" FOREIGN KEY ("snapshot_of") REFERENCES "deployments"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_replaces_deployments_id_fkey" FOREIGN KEY ("replaces") REFERENCES "deployments"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_requested_by_users_id_fkey" FOREIGN KEY ("requested_by") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "deployments" ADD CONSTRAINT "deployments_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "health_evidence" ADD CONSTRAINT "health_evidence_deployment_id_deployments_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "deployments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "health_evidence" ADD CONSTRAINT "health_evidence_instance_id_instances_id_fkey" FOREIGN KEY ("instance_id") REFERENCES "instances"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_environment_id_environments_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_deployment_id_deployments_id_fkey" FOREIGN KEY ("deployment_id") REFERENCES "deployments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "instances" ADD CONSTRAINT "instances_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "environments" ADD CONSTRAINT "environments_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id");--> statement-breakpoint
ALTER TABLE "agents" ADD CONSTRAINT "agents_host_id_hosts_id_fkey" FOREIGN KEY ("host_id") REFERENCES "hosts"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_organization_id_organizations_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "invitations" ADD CONSTRAINT "invitations_invited_by_users_id_fkey" FOREIGN KEY ("invited_by") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "organization_members" ADD CONSTRAINT "organization_members_organization_id_organizations_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "organization_members" ADD CONSTRAINT "organization_members_user_id_users_id_fkey" FOREIGN KEY ("user_id") REFERENCES "users"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pipelines" ADD CONSTRAINT "pipelines_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "projects" ADD CONSTRAINT "projects_organization_id_organizations_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "artifacts" ADD CONSTRAINT "artifacts_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "releases" ADD CONSTRAINT "releases_created_by_users_id_fkey" FOREIGN KEY ("created_by") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "pushes" ADD CONSTRAINT "pushes_repository_id_repositories_id_fkey" FOREIGN KEY ("repository_id") REFERENCES "repositories"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pushes" ADD CONSTRAINT "pushes_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pushes" ADD CONSTRAINT "pushes_pusher_id_users_id_fkey" FOREIGN KEY ("pusher_id") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "repositories" ADD CONSTRAINT "repositories_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "repository_refs" ADD CONSTRAINT "repository_refs_repository_id_repositories_id_fkey" FOREIGN KEY ("repository_id") REFERENCES "repositories"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "routes" ADD CONSTRAINT "routes_environment_id_environments_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "annotations" ADD CONSTRAINT "annotations_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "annotations" ADD CONSTRAINT "annotations_step_id_steps_id_fkey" FOREIGN KEY ("step_id") REFERENCES "steps"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "job_tokens" ADD CONSTRAINT "job_tokens_job_id_jobs_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "job_tokens" ADD CONSTRAINT "job_tokens_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_run_id_pipeline_runs_id_fkey" FOREIGN KEY ("run_id") REFERENCES "pipeline_runs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "jobs" ADD CONSTRAINT "jobs_agent_id_agents_id_fkey" FOREIGN KEY ("agent_id") REFERENCES "agents"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "log_chunks" ADD CONSTRAINT "log_chunks_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_pipeline_id_pipelines_id_fkey" FOREIGN KEY ("pipeline_id") REFERENCES "pipelines"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_push_id_pushes_id_fkey" FOREIGN KEY ("push_id") REFERENCES "pushes"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "pipeline_runs" ADD CONSTRAINT "pipeline_runs_actor_id_users_id_fkey" FOREIGN KEY ("actor_id") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "steps" ADD CONSTRAINT "steps_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "steps" ADD CONSTRAINT "steps_job_id_jobs_id_fkey" FOREIGN KEY ("job_id") REFERENCES "jobs"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "data_keys" ADD CONSTRAINT "data_keys_organization_id_organizations_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "secret_versions" ADD CONSTRAINT "secret_versions_secret_id_secrets_id_fkey" FOREIGN KEY ("secret_id") REFERENCES "secrets"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "secret_versions" ADD CONSTRAINT "secret_versions_data_key_id_data_keys_id_fkey" FOREIGN KEY ("data_key_id") REFERENCES "data_keys"("id");--> statement-breakpoint
ALTER TABLE "secret_versions" ADD CONSTRAINT "secret_versions_created_by_users_id_fkey" FOREIGN KEY ("created_by") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "secrets" ADD CONSTRAINT "secrets_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "secrets" ADD CONSTRAINT "secrets_environment_id_environments_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "variables" ADD CONSTRAINT "variables_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "variables" ADD CONSTRAINT "variables_environment_id_environments_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE;