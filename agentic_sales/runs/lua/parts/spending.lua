-- Walk from a run to the run that asked for it, and name today's spending.
-- parts: now
local today = 'agentic:spent:' .. math.floor(now / 86400)
local deepest = 16
local function up_from(run_id)
  -- Yields a run, the run that asked for it, and so on: its key and its assistant.
  local depth = 0
  return function()
    if not run_id or run_id == '' or depth == deepest then return nil end
    depth = depth + 1
    local key = 'agentic:run:' .. run_id
    local run = redis.call('HMGET', key, 'assistant_id', 'parent_run_id')
    run_id = run[2]
    if run[1] then return key, run[1] end
  end
end
