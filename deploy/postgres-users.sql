-- Who may do what in the fleet's database. `deploy/make-secrets` puts a role with a password for each process before it. The
-- server runs both once, as its superuser, in the empty database `agentic_sales`; compose.yml mounts them for that.
--
-- core owns the tables: it migrates them, drives campaigns and keeps the state of threads. The facade reads and writes
-- rows. The email pool reads people, products and what was sent. The discovery pool writes the book. The classify pool
-- reads it and writes facts. Both read texts of strangers, so neither may read an address, approve a message or touch a campaign.
-- Their rights hang on three groups, since the tables come later: `agentic-sales db upgrade` grants what
-- agentic_sales/store/grants.py lists. A workflow of theirs that needs another table gets it there.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO "worker-core";
GRANT USAGE ON SCHEMA public TO "web", "worker-email";
ALTER DEFAULT PRIVILEGES FOR ROLE "worker-core" IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "web";
ALTER DEFAULT PRIVILEGES FOR ROLE "worker-core" IN SCHEMA public GRANT USAGE ON SEQUENCES TO "web";
ALTER DEFAULT PRIVILEGES FOR ROLE "worker-core" IN SCHEMA public GRANT SELECT ON TABLES TO "worker-email";
DO $$
BEGIN
  CREATE ROLE book_readers NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
  CREATE ROLE book_judges NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
DO $$
BEGIN
  CREATE ROLE book_writers NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
END $$;
GRANT book_readers TO book_judges, book_writers;
GRANT book_judges TO "worker-classify";
GRANT book_writers TO "worker-discovery";
GRANT USAGE ON SCHEMA public TO book_readers;
