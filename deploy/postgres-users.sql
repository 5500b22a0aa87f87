-- Who may do what in the fleet's database. `deploy/make-secrets` puts a role with a password for each process before it. The
-- server runs both once, as its superuser, in the empty database `agentic_sales`; compose.yml mounts them for that.
--
-- core owns the tables: it migrates them, drives campaigns and keeps the state of threads. The facade reads and writes
-- rows. The email pool reads people, products and what was sent. The pools that read the web and judge texts of strangers
-- may connect and nothing else, so that neither can approve a message by SQL. A workflow of theirs that needs a table gets
-- a GRANT of its own.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO "worker-core";
GRANT USAGE ON SCHEMA public TO "web", "worker-email";
ALTER DEFAULT PRIVILEGES FOR ROLE "worker-core" IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO "web";
ALTER DEFAULT PRIVILEGES FOR ROLE "worker-core" IN SCHEMA public GRANT USAGE ON SEQUENCES TO "web";
ALTER DEFAULT PRIVILEGES FOR ROLE "worker-core" IN SCHEMA public GRANT SELECT ON TABLES TO "worker-email";
