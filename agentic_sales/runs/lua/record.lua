-- Write a new run. A held-back run counts as created when it comes due, as callers of LangGraph know it. Returns
-- {'recorded'}. For a run on a thread it returns {'in_line', message data} of the run that has its turn now, or ''.
-- The other answers write nothing. They are {'joined', run id} or {'conflict', run id} or {'pool_dead'} or {'full',
-- depth}. A refused turn on a thread returns its reason and a detail.
-- parts: turns
-- KEYS: run, alive set of the queue, idempotency key (or ''), sorted set in which the run waits,
--   sorted set in which it is listed (or ''), set of what its parent asked for (or '').
-- ARGV: run id, queue, ttl_s, seconds that it is held back at least ('': it waits for no worker), queue cap,
--   idempotency ttl_s, digest of the request, its turn on a thread as JSON (or ''), fields ...
local delay = tonumber(ARGV[4]) or 0
if KEYS[3] ~= '' then
  local first = redis.call('HMGET', KEYS[3], 'run_id', 'digest')
  -- A run that was forgotten, because its message could not be published, joins nobody.
  local is_known = first[1] and redis.call('EXISTS', 'agentic:run:' .. first[1]) == 1
  if is_known then return {first[2] == ARGV[7] and 'joined' or 'conflict', first[1]} end
end
if ARGV[4] ~= '' then
  if redis.call('ZCOUNT', KEYS[2], now, '+inf') == 0 then return {'pool_dead'} end
  -- What is not due has a share of its own, so that it keeps out no run that is.
  local from, to = delay > 0 and string.format('(%.6f', now) or '-inf', delay > 0 and '+inf' or now
  local depth = redis.call('ZCOUNT', KEYS[4], from, to)
  if depth >= tonumber(ARGV[5]) then return {'full', tostring(depth)} end
end
local turn = ARGV[8] ~= '' and cjson.decode(ARGV[8])
local refused = turn and refusal(turn)
if refused then return refused end
redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'queue', ARGV[2], 'status', 'pending', 'attempt', 0, 'losses', 0,
  'created_at', delay > 0 and string.format('%.6f', now + delay) or stamp, unpack(ARGV, 9))
redis.call('EXPIRE', KEYS[1], ARGV[3] + math.ceil(delay))
if KEYS[5] ~= '' then
  redis.call('ZADD', KEYS[5], now, ARGV[1])
  redis.call('ZREMRANGEBYRANK', KEYS[5], 0, -20001)
end
if KEYS[6] ~= '' then
  redis.call('SADD', KEYS[6], ARGV[1])
  redis.call('EXPIRE', KEYS[6], 2 * ARGV[3]) -- Longer than it names runs, whose time begins anew when they end.
end
if KEYS[3] ~= '' then
  redis.call('HSET', KEYS[3], 'run_id', ARGV[1], 'digest', ARGV[7])
  redis.call('EXPIRE', KEYS[3], ARGV[6])
end
if turn then return {'in_line', take_turn(ARGV[1], turn, ARGV[3])} end
if ARGV[4] ~= '' then redis.call('ZADD', KEYS[4], now + delay, ARGV[1]) end
return {'recorded'}
