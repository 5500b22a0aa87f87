-- Cancel a run. Returns {'cancelled'} for a waiting run that has ended now. Returns {'asked'} for a running one.
-- 'cancelled' comes with the message data of the run that has its turn on the thread now. Other answers are {'ended'}
-- and {'unknown'}.
-- parts: turns
-- KEYS: run. ARGV: run id, ttl_s, body of a cancelled run.
local run = redis.call('HMGET', KEYS[1], 'status')
if not run[1] then return {'unknown'} end
if run[1] == 'running' then
  redis.call('HSETNX', KEYS[1], 'cancelled_at', stamp)
  return {'asked'}
end
if run[1] ~= 'pending' then return {'ended'} end
end_pending(ARGV[1], ARGV[3], ARGV[2])
return {'cancelled', leave(ARGV[1])}
