-- Give a claimed run back unfinished without counting a loss. Its worker is being stopped.
-- parts: now count
-- KEYS: run, running. ARGV: run id, worker.
local run = redis.call('HMGET', KEYS[1], 'status', 'worker', 'queue')
if run[1] ~= 'running' or run[2] ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], 'status', 'pending', 'worker', '', 'lease_until', 0)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', pending(run[3]), now, ARGV[1])
count_recovered('released')
return 1
