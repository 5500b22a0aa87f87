-- End the lease of a run whose process died. The redelivered message can then claim it at once.
-- KEYS: run, running. ARGV: run id, worker.
local run = redis.call('HMGET', KEYS[1], 'status', 'worker')
if run[1] ~= 'running' or run[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'lease_until', 0)
redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[1])
return 1
