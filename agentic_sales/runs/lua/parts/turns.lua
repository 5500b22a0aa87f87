-- Turns on a thread. The ledger's scripts include this part. So a turn changes with its run.
--
-- A thread is one hash. `holder` is the run that has the thread. It holds from its record to its end even if workers
-- die in between. A holder without a record or after its end holds nothing. `pause` is the place where the thread
-- waits. The run that ended last told it. A resuming run is compared with it. Runs that wait for their turn stand in
-- `agentic:thread:<id>:waiting` in the order of arrival. They are pending and have no message. They stand in no queue
-- until the end of the run before them gives them the thread. `agentic:threads:changed` names the threads whose rest
-- the database does not know yet.
-- parts: now count

local function thread_key(thread) return 'agentic:thread:' .. thread end
local function run_key(run_id) return 'agentic:run:' .. run_id end

local function holder_of(thread)
  local holder = redis.call('HGET', thread_key(thread), 'holder')
  if not holder then return nil end
  local status = redis.call('HGET', run_key(holder), 'status')
  if status == 'pending' or status == 'running' then return holder end
end

local function hold(thread, run_id)
  redis.call('HSET', thread_key(thread), 'holder', run_id)
  redis.call('PERSIST', thread_key(thread))
  redis.call('SADD', 'agentic:threads:busy', thread)
end

-- Give a thread that nobody holds to the run that has waited longest. Returns what the message needs, '' for a run that
-- is held back (its lane publishes it), or nil.
local function next_turn(thread)
  local run_id = redis.call('LPOP', thread_key(thread) .. ':waiting')
  while run_id do
    local run = redis.call('HMGET', run_key(run_id), 'status', 'assistant_id', 'queue', 'held_in', 'created_at')
    if run[1] == 'pending' then
      hold(thread, run_id)
      redis.call('HDEL', run_key(run_id), 'waits')
      if (run[4] or '') ~= '' then
        redis.call('ZADD', run[4], run[5], run_id)
        return ''
      end
      redis.call('ZADD', pending(run[3]), now, run_id)
      return run_id .. '\n' .. run[2] .. '\n' .. run[3]
    end
    run_id = redis.call('LPOP', thread_key(thread) .. ':waiting')
  end
  redis.call('HDEL', thread_key(thread), 'holder')
  redis.call('SREM', 'agentic:threads:busy', thread)
  redis.call('EXPIRE', thread_key(thread), 604800)
end

-- Put a run at the end of its thread's line; one that undoes others goes before those that came after them. Returns
-- what the message needs of the run whose turn it is now, or ''.
local function line_up(run_id, thread)
  redis.call('HSET', run_key(run_id), 'waits', '1')
  local is_undoing = (redis.call('HGET', run_key(run_id), 'undoes') or '') ~= ''
  redis.call(is_undoing and 'LPUSH' or 'RPUSH', thread_key(thread) .. ':waiting', run_id)
  return holder_of(thread) and '' or next_turn(thread)
end

-- Take the turn of a run that its lane lets go. Returns whether it is its turn; else it stands in the line now.
local function take_turn_when_due(run_id)
  local thread = redis.call('HGET', run_key(run_id), 'lock')
  if not thread then return true end
  local holder = holder_of(thread)
  if holder and holder ~= run_id then
    line_up(run_id, thread)
    return false
  end
  hold(thread, run_id)
  return true
end

-- Note how a run left its thread. One that nobody began, one that was refused, and a question that failed, leave it as
-- it was.
local function settle(thread, run_id, run)
  local key, is_well = thread_key(thread), run.status == 'success'
  if run.attempt == '0' or run.is_refused or (run.is_question and not is_well) then return end
  local known = redis.call('HMGET', key, 'pause', 'assistant_id')
  local pause = run.pause
  if not run.keeps_state or (not is_well and pause == '') then pause = known[1] or '' end
  if pause ~= '' and next(cjson.decode(pause).next) == nil then pause = '' end
  local rest = pause == '' and 'idle' or 'interrupted'
  if not is_well and run.status ~= 'interrupted' then rest = 'error' end
  redis.call('HSET', key, 'status', rest, 'pause', pause, 'ended_at', stamp,
    'failed_by', rest == 'error' and run_id or '')
  if is_well and not run.is_question and (run.keeps_state or (known[2] or '') == '') then
    redis.call('HSET', key, 'answered_by', run_id)
  elseif run.is_question then
    redis.call('HDEL', key, 'answered_by')
  end
  redis.call('ZADD', 'agentic:threads:changed', now, thread)
end

-- Let go of the thread of a run that has ended, or of its place in the line. Returns what the next one's message needs.
local function leave(run_id)
  local run = redis.call('HMGET', run_key(run_id), 'lock', 'status', 'attempt', 'pause', 'keeps_state', 'is_question',
    'undoes', 'is_refused')
  local thread = run[1]
  if not thread then return nil end
  if redis.call('HGET', thread_key(thread), 'holder') ~= run_id then
    redis.call('LREM', thread_key(thread) .. ':waiting', 0, run_id)
    return nil
  end
  settle(thread, run_id, {status = run[2], attempt = run[3], pause = run[4] or '', keeps_state = run[5] == '1',
    is_question = run[6] == '1', is_refused = run[8] == '1'})
  if run[2] == 'success' then
    for undone in string.gmatch(run[7] or '', '%S+') do
      redis.call('DEL', run_key(undone), 'agentic:events:' .. undone)
      redis.call('ZREM', thread_key(thread) .. ':runs', undone)
    end
  end
  return next_turn(thread)
end

-- End a pending run of a thread as cancelled, without passing the thread on.
local function end_pending(run_id, body, ttl_s)
  local run = redis.call('HMGET', run_key(run_id), 'status', 'queue', 'reply_to', 'is_streamed', 'assistant_id',
    'held_in')
  if run[1] ~= 'pending' then return end
  redis.call('HSET', run_key(run_id), 'status', 'interrupted', 'cancelled_at', stamp, 'ended_at', stamp,
    'failure', body)
  redis.call('EXPIRE', run_key(run_id), ttl_s)
  redis.call('ZREM', pending(run[2]), run_id)
  if (run[6] or '') ~= '' then redis.call('ZREM', run[6], run_id) end
  tell_end(run_id, run[3], run[4], 'interrupted', body)
  count_end(run[5], run[2], 'cancelled', 'cancelled')
end

-- End every run of a thread, questions excepted; one that runs is asked to end.
local function end_others(turn, ttl_s)
  local line = thread_key(turn.thread_id) .. ':waiting'
  for _, run_id in ipairs(redis.call('LRANGE', line, 0, -1)) do
    if redis.call('HGET', run_key(run_id), 'is_question') ~= '1' then
      end_pending(run_id, turn.cancelled, ttl_s)
      redis.call('LREM', line, 0, run_id)
    end
  end
  local holder = holder_of(turn.thread_id)
  if not holder or redis.call('HGET', run_key(holder), 'is_question') == '1' then return end
  if redis.call('HGET', run_key(holder), 'status') == 'running' then
    redis.call('HSETNX', run_key(holder), 'cancelled_at', stamp)
  else
    end_pending(holder, turn.cancelled, ttl_s)
  end
end

-- Returns the id of an interrupt at which the thread does not wait, '' when it waits at none at all, or nil.
local function missing_interrupt(pause, wanted)
  local standing, is_waiting = {}, false
  if pause ~= '' then
    for _, interrupts in pairs(cjson.decode(pause).interrupts) do
      for _, interrupt in ipairs(interrupts) do standing[interrupt.id], is_waiting = true, true end
    end
  end
  if not is_waiting then return '' end
  for _, id in ipairs(wanted) do
    if not standing[id] then return id end
  end
end

-- Returns why a run may not have a turn on its thread, or nil.
local function refusal(turn)
  local key, thread = thread_key(turn.thread_id), turn.thread_id
  if redis.call('EXISTS', key) == 0 then
    -- The ledger has forgotten what the database still knows.
    redis.call('HSET', key, 'assistant_id', turn.known.assistant_id, 'pause', turn.known.pause)
    redis.call('EXPIRE', key, 604800)
  end
  local known = redis.call('HMGET', key, 'assistant_id', 'pause')
  if turn.keeps_state and (known[1] or '') ~= '' and known[1] ~= turn.assistant_id then return {'other', known[1]} end
  local holder, in_line = holder_of(thread), redis.call('LLEN', key .. ':waiting')
  if turn.resumes then
    if holder then return {'answered', holder} end
    local missing = missing_interrupt(known[2] or '', turn.resumes)
    if missing then return {'no_interrupt', missing} end
  end
  if holder and turn.strategy == 'reject' then return {'busy', holder} end
  if in_line >= turn.longest_line then return {'crowded', tostring(in_line)} end
end

-- List a run among its thread's. The list names every run that the ledger has: one that has expired is dropped when
-- others come, and the list stays longer than the runs, whose time begins anew when they end.
local function enlist(run_id, thread, lasts_s)
  local list = thread_key(thread) .. ':runs'
  redis.call('ZADD', list, now, run_id)
  for _, oldest in ipairs(redis.call('ZRANGE', list, 0, 1)) do
    if redis.call('EXISTS', run_key(oldest)) == 0 then redis.call('ZREM', list, oldest) end
  end
  if redis.call('TTL', list) < lasts_s then redis.call('EXPIRE', list, lasts_s) end
end

-- Give a recorded run its place in the line; one that is held back gets it when it is due, so that a follow-up of next
-- week does not hold its thread until then. Returns what the message needs of the run whose turn it is now, or ''.
local function take_turn(run_id, turn, ttl_s)
  local key = thread_key(turn.thread_id)
  if turn.keeps_state then redis.call('HSET', key, 'assistant_id', turn.assistant_id) end
  if not turn.is_question then enlist(run_id, turn.thread_id, ttl_s + redis.call('TTL', run_key(run_id))) end
  redis.call('HSET', run_key(run_id), 'lock', turn.thread_id, 'keeps_state', turn.keeps_state and '1' or '',
    'is_question', turn.is_question and '1' or '', 'undoes', turn.undoes, 'multitask_strategy', turn.strategy)
  if turn.strategy == 'interrupt' or turn.strategy == 'rollback' then end_others(turn, ttl_s) end
  local run = redis.call('HMGET', run_key(run_id), 'held_in', 'created_at')
  if (run[1] or '') ~= '' and not turn.resumes then
    redis.call('ZADD', run[1], run[2], run_id)
    return ''
  end
  return line_up(run_id, turn.thread_id)
end
