-- The load. Arguments: METHOD, a file of paths (one a line), a file of extra fields ("Name: value").
-- One path is sent as one prepared request; several are drawn uniformly from prepared requests.
-- Prints the counts and the latencies in one line of JSON.

local function lines(path)
    local all = {}
    for line in io.lines(path) do
        all[#all + 1] = line
    end
    return all
end

function init(args)
    wrk.method = args[1]
    local paths = lines(args[2])
    if args[3] then
        for _, line in ipairs(lines(args[3])) do
            local name, value = line:match("^([^:]+): (.*)$")
            wrk.headers[name] = value
        end
    end
    wrk.path = paths[1]
    if #paths == 1 then return end -- wrk prepares it after init

    local prepared = {}
    for index, path in ipairs(paths) do
        prepared[index] = wrk.format(nil, path)
    end
    math.randomseed(os.time())
    local count = #prepared
    local random = math.random
    request = function() return prepared[random(count)] end
end

function done(summary, latency, requests)
    local errors = summary.errors
    io.write(string.format(
        'RESULT {"requests": %d, "us": %d, "socket_errors": %d, "refused": %d, ' ..
        '"p50": %d, "p90": %d, "p99": %d, "p999": %d, "max": %d}\n',
        summary.requests, summary.duration,
        errors.connect + errors.read + errors.write + errors.timeout, errors.status,
        latency:percentile(50), latency:percentile(90), latency:percentile(99),
        latency:percentile(99.9), latency.max))
end
