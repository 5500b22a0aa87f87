-- Give back a run whose child died of nobody knows which of its runs. From a number of such deaths on they count.
-- parts: now count
-- KEYS: run, running. ARGV: run id, worker, how often at most.
local run = redis.call('HMGET', KEYS[1], 'status', 'worker', 'queue')
if run[1] ~= 'running' or run[2] ~= ARGV[2] then return 0 end
if redis.call('HINCRBY', KEYS[1], 'spared', 1) > tonumber(ARGV[3]) then
  redis.call('HSET', KEYS[1], 'lease_until', 0)
  redis.call('ZADD', KEYS[2], 'XX', 0, ARGV[1])
  return 1
end
redis.call('HSET', KEYS[1], 'status', 'pending', 'worker', '', 'lease_until', 0)
redis.call('ZREM', KEYS[2], ARGV[1])
redis.call('ZADD', pending(run[3]), now, ARGV[1])
count_recovered('released')
return 1
