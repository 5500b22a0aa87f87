-- Put a claimed run back into its lane for a while without counting a loss. Returns 0 without a change on refusal. It
-- is refused in three cases. The attempt does not hold the run. The run is to be cancelled. The run was put back too
-- often.
-- parts: now count
-- KEYS: run, running. ARGV: run id, attempt, seconds, batch lane ('1'), how often at most.
local run = redis.call('HMGET', KEYS[1], 'status', 'attempt', 'cancelled_at', 'queue', 'deferrals')
if run[1] ~= 'running' or run[2] ~= ARGV[2] or run[3] then return 0 end
if tonumber(run[5] or 0) >= tonumber(ARGV[5]) then return 0 end
local held_in = (ARGV[4] == '1' and 'agentic:batch:' or 'agentic:held:') .. run[4]
redis.call('HSET', KEYS[1], 'status', 'pending', 'worker', '', 'lease_until', 0, 'held_in', held_in)
redis.call('HINCRBY', KEYS[1], 'deferrals', 1)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('SREM', 'agentic:batch_out:' .. run[4], ARGV[1])
redis.call('ZADD', held_in, now + ARGV[3], ARGV[1])
count_recovered('released')
return 1
