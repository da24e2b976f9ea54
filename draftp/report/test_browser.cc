// Speaks the protocol over the two pipes of --remote-debugging-pipe: JSON, each ended by a null
// byte.
#include "draftp/report/test_browser.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <utility>

namespace draftp::testing {
namespace {

using Json = nlohmann::json;

constexpr int kPatience = 60'000;  // milliseconds until an answer comes
constexpr int kBrowserReads = 3;   // descriptors of --remote-debugging-pipe
constexpr int kBrowserWrites = 4;

std::string FromBase64(const std::string& text) {
  std::string bytes;
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    int digit = -1;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    if (c >= '0' && c <= '9') digit = c - '0' + 52;
    if (c == '+') digit = 62;
    if (c == '/') digit = 63;
    if (digit < 0) continue;
    group = group << 6 | static_cast<unsigned>(digit);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes += static_cast<char>(group >> bits & 255);
    }
  }
  return bytes;
}

// In the child: `reads` and `writes` become 3 and 4, then the browser takes its place.
[[noreturn]] void Become(const std::string& chromium, const std::string& profile, int reads,
                         int writes) {
  const int high_reads = fcntl(reads, F_DUPFD, 10);
  const int high_writes = fcntl(writes, F_DUPFD, 10);
  dup2(high_reads, kBrowserReads);
  dup2(high_writes, kBrowserWrites);
  dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
  setenv("HOME", profile.c_str(), 1);
  const std::string folder = "--user-data-dir=" + profile;
  execl(chromium.c_str(), chromium.c_str(), "--headless", "--no-sandbox", "--disable-gpu",
        "--disable-dev-shm-usage", "--no-first-run", "--disable-extensions", "--hide-scrollbars",
        "--disable-background-networking", "--remote-debugging-pipe", folder.c_str(), "about:blank",
        static_cast<char*>(nullptr));
  _exit(127);
}

}  // namespace

std::string FindChromium() {
  for (const char* path : {"/usr/bin/chromium", "/usr/bin/chromium-browser"}) {
    if (access(path, X_OK) == 0) return path;
  }
  return "";
}

Browser::Browser(const std::string& chromium, const std::string& profile) {
  std::array<int, 2> down{}, up{};
  if (pipe2(down.data(), O_CLOEXEC) != 0 || pipe2(up.data(), O_CLOEXEC) != 0)
    throw std::runtime_error("no pipes");
  signal(SIGPIPE, SIG_IGN);
  process_ = fork();
  if (process_ < 0) throw std::runtime_error("no fork");
  if (process_ == 0) Become(chromium, profile, down[0], up[1]);
  close(down[0]);
  close(up[1]);
  to_ = down[1];
  from_ = up[0];
  const Json target = Call("Target.createTarget", {{"url", "about:blank"}});
  session_ = Call("Target.attachToTarget",
                  {{"targetId", target["targetId"]}, {"flatten", true}})["sessionId"];
  for (const char* domain : {"Page", "Runtime", "Log", "Network"})
    Call(std::string(domain) + ".enable");
}

Browser::~Browser() {
  close(to_);  // which ends it
  for (int i = 0; i < 100; ++i) {
    if (waitpid(process_, nullptr, WNOHANG) == process_) process_ = 0;
    if (process_ == 0) break;
    usleep(50'000);
  }
  if (process_ != 0) {
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  close(from_);
}

Json Browser::Receive() {
  while (received_.find('\0') == std::string::npos) {
    pollfd ready{from_, POLLIN, 0};
    if (poll(&ready, 1, kPatience) <= 0) throw std::runtime_error("the browser doesn't answer");
    std::array<char, 65536> buffer{};
    const ssize_t size = read(from_, buffer.data(), buffer.size());
    if (size <= 0) throw std::runtime_error("the browser ended");
    received_.append(buffer.data(), static_cast<size_t>(size));
  }
  const size_t end = received_.find('\0');
  Json message = Json::parse(received_.substr(0, end));
  received_.erase(0, end + 1);
  return message;
}

void Browser::Note(const Json& event) {
  const std::string method = event.value("method", "");
  const Json params = event.value("params", Json::object());
  if (method == "Page.loadEventFired") loaded_ = true;
  if (method == "Runtime.exceptionThrown") complaints_.push_back(params["exceptionDetails"].dump());
  if (method == "Log.entryAdded" &&
      (params["entry"]["level"] == "error" || params["entry"]["level"] == "warning")) {
    complaints_.push_back(params["entry"].dump());
  }
  if (method == "Runtime.consoleAPICalled" &&
      (params["type"] == "error" || params["type"] == "warning" || params["type"] == "assert")) {
    complaints_.push_back(params["args"].dump());
  }
  if (method == "Network.requestWillBeSent") {
    const std::string url = params["request"]["url"];
    if (!url.starts_with("data:")) requests_.push_back(url);
  }
}

Json Browser::Call(const std::string& method, Json params) {
  Json call = {{"id", ++calls_}, {"method", method}, {"params", std::move(params)}};
  if (!session_.empty()) call["sessionId"] = session_;
  std::string text = call.dump();
  text += '\0';
  for (size_t at = 0; at < text.size();) {
    const ssize_t size = write(to_, &text[at], text.size() - at);
    if (size <= 0) throw std::runtime_error("the browser ended");
    at += static_cast<size_t>(size);
  }
  while (true) {
    const Json message = Receive();
    if (message.value("id", 0) != calls_) {
      Note(message);
      continue;
    }
    if (message.contains("error"))
      throw std::runtime_error(method + ": " + message["error"].dump());
    return message["result"];
  }
}

void Browser::Look(int width, int height, bool dark, const std::string& media) {
  Call("Emulation.setDeviceMetricsOverride",
       {{"width", width}, {"height", height}, {"deviceScaleFactor", 1}, {"mobile", width < 600}});
  Call("Emulation.setEmulatedMedia",
       {{"media", media},
        {"features",
         Json::array({{{"name", "prefers-color-scheme"}, {"value", dark ? "dark" : "light"}}})}});
}

void Browser::Open(const std::string& path) {
  complaints_.clear();
  requests_.clear();
  loaded_ = false;
  Call("Page.bringToFront");  // a link may have opened another page
  Call("Page.navigate", {{"url", "file://" + std::filesystem::absolute(path).string()}});
  while (!loaded_) Note(Receive());
}

void Browser::RunScripts(bool run) {
  Call("Emulation.setScriptExecutionDisabled", {{"value", !run}});
}

Json Browser::Evaluate(const std::string& expression) {
  const Json result =
      Call("Runtime.evaluate",
           {{"expression", expression}, {"returnByValue", true}, {"awaitPromise", true}});
  if (result.contains("exceptionDetails"))
    throw std::runtime_error(expression + ": " + result["exceptionDetails"].dump());
  return result["result"].value("value", Json());
}

void Browser::MoveTo(const std::string& selector) {
  const Json place = Evaluate(
      "(() => { const element = document.querySelector(" + Json(selector).dump() +
      "); element.scrollIntoView({block: 'center'}); const box = element.getBoundingClientRect();"
      " return [box.left + box.width / 2, box.top + box.height / 2]; })()");
  Call("Input.dispatchMouseEvent", {{"type", "mouseMoved"}, {"x", place[0]}, {"y", place[1]}});
}

void Browser::Click(const std::string& selector) {
  MoveTo(selector);
  const Json place =
      Evaluate("(() => { const box = document.querySelector(" + Json(selector).dump() +
               ").getBoundingClientRect();"
               " return [box.left + box.width / 2, box.top + box.height / 2]; })()");
  for (const char* type : {"mousePressed", "mouseReleased"}) {
    Call("Input.dispatchMouseEvent",
         {{"type", type}, {"x", place[0]}, {"y", place[1]}, {"button", "left"}, {"clickCount", 1}});
  }
}

void Browser::Press(const std::string& key) {
  Json event = {{"type", "keyDown"}, {"key", key}, {"code", key}};
  for (const auto& [name, code] : {std::pair("Enter", 13),
                                   {"Tab", 9},
                                   {"ArrowLeft", 37},
                                   {"ArrowUp", 38},
                                   {"ArrowRight", 39},
                                   {"ArrowDown", 40},
                                   {"Home", 36},
                                   {"End", 35},
                                   {"Escape", 27}}) {
    if (key == name) event["windowsVirtualKeyCode"] = code;
  }
  if (key == "Enter") event["text"] = "\r";
  Call("Input.dispatchKeyEvent", event);
  event["type"] = "keyUp";
  event.erase("text");
  Call("Input.dispatchKeyEvent", event);
}

std::string Browser::Screenshot() {
  return FromBase64(Call("Page.captureScreenshot", {{"captureBeyondViewport", true}})["data"]);
}

std::string Browser::Print() {
  return FromBase64(Call("Page.printToPDF", {{"printBackground", true}})["data"]);
}

}  // namespace draftp::testing
