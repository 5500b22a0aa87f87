-- Take one call of a bucket if its pauses, its quota, its rates and its calls at once allow it. Return {'', 0}, or the
-- reason and the microseconds to wait.
-- KEYS: pause of the account, pause of the bucket, calls under way, units of the day, then a log a rate.
-- ARGV: ticket, most at once (0: any), lease in us, units of a day (0: any), cost, us left of the day, then calls and
-- span in us of each rate.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
for i = 1, 2 do
  local left = redis.call('PTTL', KEYS[i])
  if left > 0 then return {redis.call('GET', KEYS[i]), left * 1000} end
end
local ticket, at_once, lease_us = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local quota_units, cost, quota_left_us = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
if quota_units > 0 and (tonumber(redis.call('GET', KEYS[4])) or 0) + cost > quota_units then
  return {'quota', quota_left_us}
end
local wait = 0
for i = 5, #KEYS do
  local calls, per_us = tonumber(ARGV[2 * i - 3]), tonumber(ARGV[2 * i - 2])
  redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', now - per_us)
  local held = redis.call('ZCARD', KEYS[i])
  if held >= calls then
    local first = redis.call('ZRANGE', KEYS[i], held - calls, held - calls, 'WITHSCORES')
    wait = math.max(wait, first[2] + per_us - now)
  end
end
if wait > 0 then return {'rate', wait} end
if at_once > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
  if redis.call('ZCARD', KEYS[3]) >= at_once then return {'rate', 100000} end
  redis.call('ZADD', KEYS[3], now + lease_us, ticket)
  redis.call('PEXPIRE', KEYS[3], math.ceil(lease_us / 1000))
end
if quota_units > 0 then
  redis.call('INCRBY', KEYS[4], cost)
  redis.call('PEXPIRE', KEYS[4], math.ceil(quota_left_us / 1000) + 1000)
end
for i = 5, #KEYS do
  redis.call('ZADD', KEYS[i], now, ticket)
  redis.call('PEXPIRE', KEYS[i], math.ceil(ARGV[2 * i - 2] / 1000) + 1000)
end
return {'', 0}
