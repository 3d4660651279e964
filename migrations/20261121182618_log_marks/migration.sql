ALTER TABLE "log_chunks" ADD COLUMN "marks" text;--> statement-breakpoint
CREATE INDEX "log_chunks_marks" ON "log_chunks" ("stream_id","first_seq") WHERE ("marks" is not null);