-- Claim webhooks that are due, each for one try.
-- parts: now
-- KEYS: webhooks. ARGV: lease_s, most.
local claimed = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[2])
for _, run_id in ipairs(claimed) do
  redis.call('ZADD', KEYS[1], now + ARGV[1], run_id)
  if redis.call('EXISTS', 'agentic:run:' .. run_id) == 1 then
    redis.call('HINCRBY', 'agentic:run:' .. run_id, 'webhook_attempts', 1)
  end
end
return claimed
