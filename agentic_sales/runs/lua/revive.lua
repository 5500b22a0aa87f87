-- Take a run off the dead list for a new publish and forgive its losses. Returns 0 when it is not on it.
-- parts: turns
-- KEYS: run, dead. ARGV: run id.
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
local queue = redis.call('HGET', KEYS[1], 'queue')
if not queue then return 0 end
redis.call('HSET', KEYS[1], 'status', 'pending', 'losses', 0, 'worker', '', 'lease_until', 0)
redis.call('HDEL', KEYS[1], 'failure', 'ended_at', 'cancelled_at')
redis.call('DEL', 'agentic:events:' .. ARGV[1])
local thread = redis.call('HGET', KEYS[1], 'lock')
if thread then line_up(ARGV[1], thread) else redis.call('ZADD', pending(queue), now, ARGV[1]) end
return 1
