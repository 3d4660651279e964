CREATE TABLE "signing_keys" (
	"id" uuid PRIMARY KEY,
	"public_key" jsonb NOT NULL,
	"sealed_key" text NOT NULL,
	"created_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
CREATE INDEX "signing_keys_age" ON "signing_keys" ("created_at");