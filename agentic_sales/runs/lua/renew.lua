-- Renew the leases of the runs that a worker's children hold. Returns the number of held runs.
-- parts: now
-- KEYS: running. ARGV: lease_s, prefix of the run keys, run id, worker, run id, worker, ...
local lease_until, renewed = now + tonumber(ARGV[1]), 0
for i = 3, #ARGV, 2 do
  local key = ARGV[2] .. ARGV[i]
  local run = redis.call('HMGET', key, 'status', 'worker')
  if run[1] == 'running' and run[2] == ARGV[i + 1] then
    redis.call('HSET', key, 'lease_until', lease_until)
    redis.call('ZADD', KEYS[1], 'XX', lease_until, ARGV[i])
    renewed = renewed + 1
  end
end
return renewed
