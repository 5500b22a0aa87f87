-- Put a failed try off and keep its error with the run.
-- parts: now
-- KEYS: webhooks, run. ARGV: run id, pause_s, error.
redis.call('ZADD', KEYS[1], 'XX', now + ARGV[2], ARGV[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('HSET', KEYS[2], 'webhook_error', ARGV[3]) end
