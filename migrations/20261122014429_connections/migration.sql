CREATE TABLE "connections" (
	"id" uuid PRIMARY KEY,
	"project_id" uuid NOT NULL,
	"repository_id" uuid NOT NULL,
	"provider" text NOT NULL,
	"url" text NOT NULL,
	"credential_kind" text DEFAULT 'none' NOT NULL,
	"data_key_id" uuid NOT NULL,
	"sealed_credential" text,
	"sealed_webhook_secret" text NOT NULL,
	"synced_at" timestamp with time zone,
	"poll_at" timestamp with time zone DEFAULT now() NOT NULL,
	"quiet_polls" integer DEFAULT 0 NOT NULL,
	"heard_at" timestamp with time zone,
	"failure" text,
	"failed_since" timestamp with time zone,
	"created_by" uuid,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "connections_provider" CHECK ("provider" in ('github', 'gitlab', 'gitea', 'git')),
	CONSTRAINT "connections_credential" CHECK ("credential_kind" in ('none', 'token', 'password'))
);
--> statement-breakpoint
CREATE TABLE "deliveries" (
	"id" uuid PRIMARY KEY,
	"connection_id" uuid,
	"project_id" uuid,
	"provider" text NOT NULL,
	"event" text NOT NULL,
	"delivery_id" text NOT NULL,
	"headers" jsonb NOT NULL,
	"body" bytea NOT NULL,
	"status" text DEFAULT 'received' NOT NULL,
	"verdict" text,
	"reason" text,
	"ref" text,
	"commit" text,
	"push_id" uuid,
	"attempts" integer DEFAULT 0 NOT NULL,
	"try_at" timestamp with time zone DEFAULT now() NOT NULL,
	"replay_of" uuid,
	"received_at" timestamp with time zone DEFAULT now() NOT NULL,
	"handled_at" timestamp with time zone,
	CONSTRAINT "deliveries_status" CHECK ("status" in ('received', 'handled', 'failed')),
	CONSTRAINT "deliveries_verdict" CHECK ("verdict" in ('started', 'known', 'ignored', 'unmatched', 'greeted', 'failed'))
);
--> statement-breakpoint
ALTER TABLE "pushes" ADD COLUMN "delivery_id" uuid;--> statement-breakpoint
ALTER TABLE "pushes" ADD COLUMN "is_behind" boolean DEFAULT false NOT NULL;--> statement-breakpoint
CREATE UNIQUE INDEX "connections_repository_unique" ON "connections" ("repository_id");--> statement-breakpoint
CREATE INDEX "connections_poll" ON "connections" ("poll_at");--> statement-breakpoint
CREATE INDEX "connections_url" ON "connections" ("url");--> statement-breakpoint
CREATE INDEX "pushes_ref" ON "pushes" ("repository_id","ref","after");--> statement-breakpoint
CREATE UNIQUE INDEX "deliveries_unique" ON "deliveries" ("provider",coalesce("project_id", '00000000-0000-0000-0000-000000000000'::uuid),"delivery_id");--> statement-breakpoint
CREATE INDEX "deliveries_open" ON "deliveries" ("try_at") WHERE "status" = 'received';--> statement-breakpoint
CREATE INDEX "deliveries_project" ON "deliveries" ("project_id","id");--> statement-breakpoint
CREATE INDEX "deliveries_received" ON "deliveries" ("received_at");--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_repository_id_repositories_id_fkey" FOREIGN KEY ("repository_id") REFERENCES "repositories"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_data_key_id_data_keys_id_fkey" FOREIGN KEY ("data_key_id") REFERENCES "data_keys"("id");--> statement-breakpoint
ALTER TABLE "connections" ADD CONSTRAINT "connections_created_by_users_id_fkey" FOREIGN KEY ("created_by") REFERENCES "users"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_connection_id_connections_id_fkey" FOREIGN KEY ("connection_id") REFERENCES "connections"("id") ON DELETE SET NULL;--> statement-breakpoint
ALTER TABLE "deliveries" ADD CONSTRAINT "deliveries_project_id_projects_id_fkey" FOREIGN KEY ("project_id") REFERENCES "projects"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "repositories" DROP CONSTRAINT "repositories_kind", ADD CONSTRAINT "repositories_kind" CHECK ("kind" in ('hosted', 'connected'));