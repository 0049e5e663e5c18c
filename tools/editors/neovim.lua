-- Driven by neovim.sh: the same calls that the mappings of a person make, with what they show printed.
local function say(text) io.stdout:write(text .. "\n") end

local function wait(what, ready)
  if not vim.wait(30000, ready, 50) then
    say("no " .. what .. " within 30 s")
    vim.cmd("cquit 1")
  end
end

local function show()
  local levels = { "error", "warning", "info", "hint" }
  for _, found in ipairs(vim.diagnostic.get(0)) do
    local text = found.message:gsub("\n", "\n    ")
    say(("  %d:%d %s %s: %s"):format(found.lnum + 1, found.col + 1, levels[found.severity],
      tostring(found.user_data and found.user_data.lsp and found.user_data.lsp.code or found.code), text))
  end
end

local changed = 0
vim.api.nvim_create_autocmd("DiagnosticChanged", { callback = function() changed = changed + 1 end })

-- the settings
local client = vim.lsp.start_client({
  name = "imgbudget",
  cmd = { "imgbudget", "lsp" },
  root_dir = vim.fn.getcwd(),
})
vim.lsp.buf_attach_client(0, client)

wait("diagnostics", function() return changed > 0 end)
say("diagnostics of request.json:")
show()

local answers = vim.lsp.buf_request_sync(0, "textDocument/codeLens",
  { textDocument = vim.lsp.util.make_text_document_params() }, 30000)
say("code lens:")
for _, answer in pairs(answers) do
  for _, lens in ipairs(answer.result) do
    say(("  line %d: %s"):format(lens.range.start.line + 1, lens.command.title))
  end
end

local first = vim.diagnostic.get(0)[1]
vim.api.nvim_win_set_cursor(0, { first.lnum + 1, first.col })
answers = vim.lsp.buf_request_sync(0, "textDocument/hover", vim.lsp.util.make_position_params(), 30000)
say("hover at the first diagnostic:")
for _, answer in pairs(answers) do
  say("  " .. answer.result.contents.value:gsub("%(data:[^)]*%)", "(data:...)"):gsub("\n+", "\n  "))
end

say("code actions there, of which the first is chosen:")
vim.ui.select = function(items, options, choose)
  for number, item in ipairs(items) do
    say(("  %d. %s"):format(number, options.format_item and options.format_item(item) or item[2].title))
  end
  choose(items[1], 1)
end
local before = changed
local size = vim.fn.line2byte(vim.fn.line("$") + 1)
vim.lsp.buf.code_action()
wait("change", function() return vim.fn.line2byte(vim.fn.line("$") + 1) ~= size end)
wait("diagnostics", function() return changed > before end)
say("diagnostics after the fix:")
show()
vim.cmd("write")
vim.lsp.stop_client(client)
vim.cmd("qall")
