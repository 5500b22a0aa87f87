-- Remove a run whose message could not be published.
-- parts: turns
-- KEYS: run. ARGV: run id. Returns what the next run's message needs, or 0.
local run = redis.call('HMGET', KEYS[1], 'queue', 'lock')
if not run[1] then return 0 end
redis.call('ZREM', pending(run[1]), ARGV[1])
local promoted = leave(ARGV[1])
if run[2] then redis.call('ZREM', thread_key(run[2]) .. ':runs', ARGV[1]) end
redis.call('DEL', KEYS[1])
return promoted or 0
