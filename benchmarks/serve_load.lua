-- Sends the bodies of a file, one a line, in turn, and tells what came of them. Called by serve_load.py:
--   wrk … -s serve_load.lua URL -- FILE [MILLISECONDS BETWEEN TWO REQUESTS OF A CONNECTION]

local bodies, place = {}, 0

function init(arguments)
  for line in io.lines(arguments[1]) do
    bodies[#bodies + 1] = wrk.format("POST", nil, { ["Content-Type"] = "application/json" }, line)
  end
  local pause = tonumber(arguments[2])
  if pause then
    -- wrk sets a timer for each request of a script that has this function. Clients must not march in step.
    function delay()
      return math.random(0, math.floor(2 * pause))
    end
  end
end

function request()
  place = place % #bodies + 1
  return bodies[place]
end

function done(summary, latency)
  io.stderr:write(string.format(
    '{"requests": %d, "seconds": %.6f, "refused": %d, "broken": %d, "p50": %.3f, "p95": %.3f, "p99": %.3f}\n',
    summary.requests, summary.duration / 1e6, summary.errors.status,
    summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(95) / 1e3, latency:percentile(99) / 1e3))
end
