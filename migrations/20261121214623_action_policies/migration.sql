CREATE TABLE "action_policies" (
	"organization_id" uuid PRIMARY KEY,
	"mode" text NOT NULL,
	"allowed" jsonb DEFAULT '[]' NOT NULL,
	"updated_by" uuid,
	"updated_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "action_policies_mode" CHECK ("mode" in ('any', 'listed', 'pinned'))
);
--> statement-breakpoint
ALTER TABLE "action_policies" ADD CONSTRAINT "action_policies_organization_id_organizations_id_fkey" FOREIGN KEY ("organization_id") REFERENCES "organizations"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "action_policies" ADD CONSTRAINT "action_policies_updated_by_users_id_fkey" FOREIGN KEY ("updated_by") REFERENCES "users"("id") ON DELETE SET NULL;