CREATE TABLE "route_minutes" (
	"environment_id" uuid,
	"minute" timestamp with time zone,
	"hostname" text,
	"source" uuid,
	"requests" integer NOT NULL,
	"statuses" integer[] NOT NULL,
	"broken" integer NOT NULL,
	"aborted" integer NOT NULL,
	"unavailable" integer NOT NULL,
	"latency" jsonb NOT NULL,
	"is_cut" boolean NOT NULL,
	"known" bigint NOT NULL,
	CONSTRAINT "route_minutes_pkey" PRIMARY KEY("environment_id","minute","hostname","source")
);
--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "memory_bytes" bigint;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "cpu" real;--> statement-breakpoint
ALTER TABLE "instances" ADD COLUMN "measured_at" timestamp with time zone;--> statement-breakpoint
ALTER TABLE "variables" ADD COLUMN "updated_by" uuid;--> statement-breakpoint
CREATE INDEX "route_minutes_minute" ON "route_minutes" ("minute");--> statement-breakpoint
ALTER TABLE "route_minutes" ADD CONSTRAINT "route_minutes_environment_id_environments_id_fkey" FOREIGN KEY ("environment_id") REFERENCES "environments"("id") ON DELETE CASCADE;--> statement-breakpoint
ALTER TABLE "variables" ADD CONSTRAINT "variables_updated_by_users_id_fkey" FOREIGN KEY ("updated_by") REFERENCES "users"("id") ON DELETE SET NULL;