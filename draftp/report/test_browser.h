// A headless Chromium that tests open pages in, over the DevTools protocol (tests only).
#ifndef DRAFTP_REPORT_TEST_BROWSER_H_
#define DRAFTP_REPORT_TEST_BROWSER_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "nlohmann/json.hpp"

namespace draftp::testing {

// Path of a Chromium on this machine: Debian's package `chromium`; "" where there is none.
std::string FindChromium();

// One browser with one page. What goes wrong with the browser itself throws std::runtime_error.
class Browser {
 public:
  // `profile`: a folder for its files.
  Browser(const std::string& chromium, const std::string& profile);
  ~Browser();
  Browser(const Browser&) = delete;
  Browser& operator=(const Browser&) = delete;

  // The size of the window in CSS pixels, and emulated media: "screen" or "print".
  void Look(int width, int height, bool dark = false, const std::string& media = "screen");
  // Opens a file and waits for its load event.
  void Open(const std::string& path);
  void RunScripts(bool run);

  // The value of an expression of JavaScript in the page.
  nlohmann::json Evaluate(const std::string& expression);
  // Real input: the pointer to the middle of the first element of `selector`, and a click there.
  void MoveTo(const std::string& selector);
  void Click(const std::string& selector);
  // A key by its name: "Enter", "ArrowRight", "Tab".
  void Press(const std::string& key);
  // A PNG of the whole page.
  std::string Screenshot();
  // A PDF of the page as it prints.
  std::string Print();

  // Since the last Open(): errors and warnings of the console, exceptions, what was blocked.
  const std::vector<std::string>& complaints() const { return complaints_; }
  // Since the last Open(): what was loaded, except data URIs.
  const std::vector<std::string>& requests() const { return requests_; }

 private:
  nlohmann::json Call(const std::string& method, nlohmann::json params = nlohmann::json::object());
  nlohmann::json Receive();
  void Note(const nlohmann::json& event);
  void WaitFor(const std::string& event);

  pid_t process_ = 0;
  int to_ = -1, from_ = -1;
  int calls_ = 0;
  bool loaded_ = false;
  std::string session_;
  std::string received_;
  std::vector<std::string> complaints_, requests_;
};

}  // namespace draftp::testing

#endif  // DRAFTP_REPORT_TEST_BROWSER_H_
