-- wrk's script: `wrk -s load.lua <url> -- <file>`. The file holds the request headers, then an empty line, then a Cookie header's
-- value for each browser; the browsers take turns.
local threads = 0

function setup(thread)
  thread:set("first", threads * 97)
  threads = threads + 1
end

function init(args)
  local headers, cookies = {}, {}
  local inHeaders = true
  for line in io.lines(args[1]) do
    if line == "" then
      inHeaders = false
    elseif inHeaders then
      local name, value = line:match("^(.-): (.*)$")
      headers[name] = value
    else
      table.insert(cookies, line)
    end
  end
  requests = {}
  for _, cookie in ipairs(cookies) do
    headers["Cookie"] = cookie
    table.insert(requests, wrk.format("GET", nil, headers))
  end
  turn = first
end

function request()
  turn = turn + 1
  return requests[turn % #requests + 1]
end

function done(summary)
  local errors = summary.errors
  print(string.format(
    'RESULT {"requests": %d, "seconds": %.6f, "errors": %d}',
    summary.requests,
    summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
