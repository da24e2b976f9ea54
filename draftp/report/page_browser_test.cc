// The page of an evaluation in a browser: it loads without a complaint, is explored by pointer and
// keys, fits a phone, and runs nothing that a text holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "draftp/io/png.h"
#include "draftp/io/test_files.h"
#include "draftp/report/evaluation_page.h"
#include "draftp/report/html_report.h"
#include "draftp/report/test_browser.h"
#include "draftp/report/test_evaluation.h"

namespace draftp {
namespace {

using testing::Browser;
using ::testing::ElementsAre;
using testing::ExampleEvaluation;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::TemporaryFolder;

constexpr char kHostile[] =
    "</script><img src=x onerror=\"window.hacked=1\"><script>window.hacked=2</script>'\"`${"
    "window.hacked=3}\u2028\u2029<!--";

class PageBrowserTest : public ::testing::Test {
 protected:
  // One browser for all.
  static void SetUpTestSuite() {
    const std::string chromium = testing::FindChromium();
    if (chromium.empty()) return;
    profile_ = new TemporaryFolder;
    browser_ = new Browser(chromium, profile_->path());
  }
  static void TearDownTestSuite() {
    delete browser_;
    delete profile_;
  }
  void SetUp() override {
    if (browser_ != nullptr) return;
    if (std::getenv("DRAFTP_NEEDS_BROWSER") != nullptr) {
      FAIL() << "found no Chromium in /usr/bin; `tools/setup --ci` installs it";
    }
    GTEST_SKIP() << "found no Chromium in /usr/bin; `tools/setup --ci` installs it";
  }

  void Open(const EvaluationPage& page, int width = 1280, bool dark = false,
            const std::string& media = "screen") {
    browser_->RunScripts(true);
    browser_->Look(width, 900, dark, media);
    WriteOriginals(page);
    browser_->Open(folder_.Write("report.html", RenderEvaluationPage(page)));
  }
  // Where a page's originals are named as the example's are.
  void WriteOriginals(const EvaluationPage& page) {
    const std::string original = *EncodePng(testing::DrawnDisc(160, 0.3, 0.5, 3));
    for (const PagePoint& point : page.points) {
      for (const PagePicture& picture : point.pictures) {
        if (!picture.original.starts_with(point.name + "/img_")) continue;
        std::filesystem::create_directories(folder_ / point.name);
        if (!std::filesystem::exists(folder_ / picture.original))
          folder_.Write(picture.original, original);
      }
    }
  }
  // Where DRAFTP_SCREENSHOTS names a folder, for people to look at.
  void Picture(const std::string& name) {
    if (const char* folder = std::getenv("DRAFTP_SCREENSHOTS"))
      std::ofstream(std::string(folder) + "/" + name + ".png") << browser_->Screenshot();
  }
  nlohmann::json Value(const std::string& expression) { return browser_->Evaluate(expression); }
  std::string Text(const std::string& selector) {
    return Value("document.querySelector(" + nlohmann::json(selector).dump() + ").innerText");
  }
  int Count(const std::string& selector) {
    return Value("document.querySelectorAll(" + nlohmann::json(selector).dump() + ").length");
  }
  // The colour of a picture's middle: [red, green, blue], as the browser decodes it.
  std::vector<int> Middle(const std::string& selector) {
    return Value("(async () => { const image = document.querySelector(" +
                 nlohmann::json(selector).dump() +
                 "); await image.decode(); const canvas = document.createElement('canvas');"
                 " canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;"
                 " const context = canvas.getContext('2d'); context.drawImage(image, 0, 0);"
                 " return [...context.getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data]"
                 ".slice(0, 3); })()");
  }

  TemporaryFolder folder_;
  static inline TemporaryFolder* profile_ = nullptr;
  static inline Browser* browser_ = nullptr;
};

// In the figure that is shown.
std::string PointAt(int point) {
  return "figure:not([hidden]) .point[data-point=\"" + std::to_string(point) + "\"] .mark";
}

TEST_F(PageBrowserTest, LoadsWithoutAComplaintAndNothingElse) {
  Open(ExampleEvaluation());
  EXPECT_THAT(browser_->complaints(), IsEmpty());
  for (const std::string& request : browser_->requests())
    EXPECT_TRUE(request.starts_with("file://" + folder_.path())) << request;
  EXPECT_EQ(Count("figure:not([hidden]) .point"), 11);
  Picture("wide");
  Open(ExampleEvaluation(), 1280, true);
  Picture("dark");
}

TEST_F(PageBrowserTest, PointingShowsNumbersAndPicturesByPrompt) {
  Open(ExampleEvaluation());
  browser_->MoveTo(PointAt(7));
  EXPECT_THAT(Text("#details"), HasSubstr("step_0.6"));
  EXPECT_THAT(Text("#details"), HasSubstr("31.54"));  // its mean, and the ends of the interval
  EXPECT_THAT(Text("#details"), HasSubstr("31.43 \u2013 31.66"));
  EXPECT_EQ(Text("#details .measures:nth-of-type(1) tr:last-child th"), "diversity");
  EXPECT_EQ(Count("#details .measures ~ .strip ~ .measures"), 1);  // what isn't on the curve
  EXPECT_EQ(Count("#details .strip"), 6);
  EXPECT_EQ(Count("#details .strip img"), 24);
  EXPECT_EQ(Value("document.querySelector('#details .strip a').getAttribute('href')"),
            "./step_0.6/img_00000_00.png");
  browser_->MoveTo(PointAt(1));
  EXPECT_THAT(Text("#details"), HasSubstr("LoRA scale 0.2"));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, TwoChosenStandSideBySideOnTheSameNoise) {
  Open(ExampleEvaluation());
  browser_->Click(PointAt(1));
  browser_->Click(PointAt(7));
  EXPECT_EQ(Count("#comparison .pair"), 24);
  EXPECT_THAT(Text("#comparison .large"), HasSubstr("LoRA scale 0.2"));
  EXPECT_THAT(Text("#comparison .large"), HasSubstr("step_0.6"));
  const std::string prompt_2_image_1 = "#comparison .pair[data-key=\"2/1\"]";
  browser_->Click(prompt_2_image_1);
  EXPECT_THAT(Text("#comparison .turn"), HasSubstr("a photograph of a lighthouse"));
  EXPECT_THAT(Text("#comparison .turn"), HasSubstr("noise 2"));
  // The pictures of point 1 and 7 with that prompt and image.
  const auto from_data = [&](int point) {
    return Value("JSON.parse(document.getElementById('data').textContent).points[" +
                 std::to_string(point) +
                 "].pictures.find((one) => one.prompt === 2 && one.image === 1).thumbnail");
  };
  for (const auto& [place, point] : {std::pair(0, 1), {1, 7}}) {
    EXPECT_EQ(Value("document.querySelectorAll('#comparison .large img')[" + std::to_string(place) +
                    "].src.split(',')[1]"),
              from_data(point));
  }
  Picture("compared");
  browser_->Click(PointAt(9));  // in the place of the older
  EXPECT_THAT(Text("#comparison .large"), HasSubstr("linear"));
  EXPECT_THAT(Text("#comparison .large"), ::testing::Not(HasSubstr("LoRA scale 0.2")));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, DifferencesOfTwoHaveIntervals) {
  EvaluationPage page = ExampleEvaluation();
  page.differences = {{.point = 7, .from = 1, .reward = {"", 0.7, 0.3, 1.1}},
                      {.point = 7,
                       .from = 9,
                       .reward = {"", 0.2, -0.3, 0.7},
                       .diversity = {"", -0.004, -0.006, -0.002}}};
  Open(page);
  browser_->Click(PointAt(1));
  browser_->Click(PointAt(7));
  EXPECT_THAT(Text("#comparison .clear"), HasSubstr("+0.70+0.30 \u2013 +1.10"));
  browser_->Click(PointAt(9));  // 7 is A now: the other way round
  EXPECT_THAT(Text("#comparison .measures"), HasSubstr("\u22120.20\u22120.70 \u2013 +0.30"));
  EXPECT_EQ(Count("#comparison .clear"), 1);
  EXPECT_THAT(Text("#comparison .clear"), HasSubstr("+0.0040+0.0020 \u2013 +0.0060"));
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, KeysGoFromPointToPointAndChoose) {
  Open(ExampleEvaluation());
  for (int i = 0; i < 20 && Value("document.activeElement.classList.contains('point')") != true;
       ++i)
    browser_->Press("Tab");
  ASSERT_EQ(Value("document.activeElement.classList.contains('point')"), true);
  browser_->Press("Home");  // the least diversity
  EXPECT_EQ(Value("document.activeElement.dataset.point"), "5");
  EXPECT_THAT(Text("#details h3"), HasSubstr("LoRA scale 1.0"));
  EXPECT_NE(Value("getComputedStyle(document.activeElement.querySelector('.ring')).stroke"),
            "none");
  browser_->Press("ArrowRight");
  EXPECT_EQ(Value("document.activeElement.dataset.point"), "4");
  browser_->Press("Enter");
  EXPECT_EQ(Value("document.activeElement.getAttribute('aria-pressed')"), "true");
  browser_->Press("End");
  browser_->Press("Enter");
  EXPECT_THAT(Text("#comparison .large"), HasSubstr("LoRA scale 0.8"));
  browser_->Press("ArrowDown");
  browser_->Press("Escape");
  EXPECT_EQ(Value("document.getElementById('comparison').hidden"), true);
  // One stop of the Tab key for all points.
  EXPECT_EQ(Count("figure:not([hidden]) .point[tabindex=\"0\"]"), 1);
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, TheSliderChangesThePictureAtOnce) {
  Open(ExampleEvaluation());
  EXPECT_EQ(Text("#way output"), "0.6");
  const std::vector<int> middle = Middle("#way .single img");
  const auto first = Value("document.querySelector('#way .single img').src");
  Value("document.querySelector('#way input').focus()");
  browser_->Press("ArrowRight");
  EXPECT_EQ(Text("#way output"), "0.8");
  EXPECT_THAT(Text("#way .single"), HasSubstr("LoRA scale 0.8"));
  EXPECT_NE(Value("document.querySelector('#way .single img').src"), first);
  browser_->Press("Home");
  EXPECT_EQ(Text("#way output"), "0.2");
  EXPECT_EQ(Count("#way .strip img"), 5);  // all along the family
  browser_->Click("#way .strip li:nth-child(3) button");
  EXPECT_EQ(Value("document.querySelector('#way .single img').src"), first);
  EXPECT_EQ(Middle("#way .single img"), middle);
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, TheSliderFollowsFamilyPromptAndNoise) {
  Open(ExampleEvaluation());
  const auto pick = [&](int select, int option) {
    Value("(() => { const select = document.querySelectorAll('#way select')[" +
          std::to_string(select) + "]; select.selectedIndex = " + std::to_string(option) +
          "; select.dispatchEvent(new Event('change')); })()");
  };
  pick(0, 1);
  EXPECT_EQ(Count("#way .strip img"), 3);
  EXPECT_THAT(Text("#way .single"), HasSubstr("step_0.6"));
  const auto first = Value("document.querySelector('#way .single img').src");
  pick(1, 3);
  const auto second = Value("document.querySelector('#way .single img').src");
  pick(2, 2);
  const auto third = Value("document.querySelector('#way .single img').src");
  EXPECT_NE(first, second);
  EXPECT_NE(second, third);
  EXPECT_THAT(third.get<std::string>(),
              HasSubstr(Value("JSON.parse(document.getElementById('data').textContent).points[7]"
                              ".pictures.find((one) => one.prompt === 3 && one.image === 2)"
                              ".thumbnail")
                            .get<std::string>()));
}

TEST_F(PageBrowserTest, ThePageAloneHasAllButOriginals) {
  EvaluationPage page = ExampleEvaluation();
  for (PagePoint& point : page.points) {
    for (PagePicture& picture : point.pictures) picture.original = "gone/" + picture.original;
  }
  Open(page);
  for (int i = 1; i < 8; ++i) {
    browser_->Click(PointAt(i));
    browser_->MoveTo(i == 1 ? "#way .single" : "#comparison .large img");
    Value("new Promise((done) => setTimeout(done, 200))");
  }
  EXPECT_EQ(browser_->complaints().size(), 1u);  // it stops asking
  EXPECT_EQ(Value("document.querySelector('#comparison .large img').naturalWidth"), 96);
}

TEST_F(PageBrowserTest, OriginalsTakeTheThumbnailsPlace) {
  std::filesystem::create_directories(folder_ / "LoRA scale 0.6");
  folder_.Write("LoRA scale 0.6/img_00000_00.png", *EncodePng(FilledImage(200, 200, 10, 200, 30)));
  Open(ExampleEvaluation());
  const std::string loaded =
      "document.querySelector('#way').scrollIntoView();"
      "new Promise((done) => { const wait = () => document.querySelector('#way .single img')"
      ".src.startsWith('file:') ? done(true) : setTimeout(wait, 20); wait(); })";
  EXPECT_EQ(Value(loaded), true);
  EXPECT_EQ(Value("document.querySelector('#way .single img').naturalWidth"), 200);
}

TEST_F(PageBrowserTest, ThumbnailsHaveThePicturesColours) {
  EvaluationPage page = ExampleEvaluation(1, 1);
  for (PagePoint& point : page.points)
    point.pictures[0].thumbnail = *Thumbnail(FilledImage(300, 200, 200, 90, 20));
  Open(page);
  EXPECT_THAT(Middle("#details img"),
              ElementsAre(::testing::AllOf(::testing::Ge(197), ::testing::Le(203)),
                          ::testing::AllOf(::testing::Ge(87), ::testing::Le(93)),
                          ::testing::AllOf(::testing::Ge(17), ::testing::Le(23))));
  EXPECT_EQ(Value("document.querySelector('#details img').naturalWidth"), 96);
  EXPECT_EQ(Value("document.querySelector('#details img').naturalHeight"), 64);
}

TEST_F(PageBrowserTest, TablesSortByEachColumn) {
  Open(ExampleEvaluation());
  const auto column = [&](int n) {
    return Value("[...document.querySelectorAll('#numbers tbody tr')].map((row) => row.cells[" +
                 std::to_string(n) + "].dataset.value ?? row.cells[" + std::to_string(n) +
                 "].innerText.trim())")
        .get<std::vector<std::string>>();
  };
  const auto header = [](int n) {
    return "#numbers thead th:nth-child(" + std::to_string(n + 1) + ")";
  };
  constexpr int kReward = 2, kParameter = 12;
  browser_->Click(header(kReward) + " button");
  EXPECT_EQ(Value("document.querySelector('" + header(kReward) + "').getAttribute('aria-sort')"),
            "descending");
  std::vector<double> values;
  for (const std::string& text : column(kReward)) values.push_back(std::stod(text));
  EXPECT_TRUE(std::is_sorted(values.rbegin(), values.rend()));
  browser_->Press("Enter");  // the button has the focus
  values.clear();
  for (const std::string& text : column(kReward)) values.push_back(std::stod(text));
  EXPECT_TRUE(std::is_sorted(values.begin(), values.end()));
  EXPECT_EQ(values.size(), 11u);
  browser_->Click(header(kParameter) + " button");
  EXPECT_EQ(column(kParameter).front(), "1");
  EXPECT_EQ(column(kParameter).back(), "\u2013");  // not measured: last in both orders
  browser_->Press("Enter");
  EXPECT_EQ(column(kParameter).front(), "0.2");
  EXPECT_EQ(column(kParameter).back(), "\u2013");
  browser_->Click(header(0) + " button");
  EXPECT_EQ(column(0).front(), "base");
  EXPECT_EQ(Count("#numbers [aria-sort]"), 1);
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, RewardsAndFamiliesAreSwitched) {
  Open(ExampleEvaluation());
  Value(
      "(() => { const select = document.querySelector('#tools select'); select.selectedIndex = 1;"
      " select.dispatchEvent(new Event('change')); })()");
  EXPECT_EQ(Value("document.querySelector('figure[data-reward=\"1\"]').hidden"), false);
  EXPECT_EQ(Value("document.querySelector('figure[data-reward=\"0\"]').hidden"), true);
  browser_->Click(".legend li[data-family=\"1\"] button");
  EXPECT_EQ(Value("[...document.querySelectorAll('figure:not([hidden]) .point')].filter((group) =>"
                  " getComputedStyle(group).display !== 'none').length"),
            6);
  browser_->Click(".legend li[data-family=\"1\"] button");
  EXPECT_EQ(Count(".off"), 0);
}

TEST_F(PageBrowserTest, NothingInATextRuns) {
  EvaluationPage page = ExampleEvaluation(2, 1);
  page.title = page.summary = kHostile;
  for (std::string& prompt : page.prompts) prompt = kHostile;
  page.warnings = {kHostile};
  page.settings = page.explained = {{kHostile, kHostile}};
  for (PagePoint& point : page.points) {
    point.name += kHostile;
    if (!point.is_base) point.family += kHostile;
    for (PageMeasure& reward : point.rewards) reward.name += kHostile;
    for (auto& [name, value] : point.numbers) name += kHostile;
    for (PagePicture& picture : point.pictures) picture.original = "javascript:window.hacked=4";
  }
  page.points[1].pictures[0].original = std::string("//evil.example/") + kHostile;
  Open(page);
  browser_->Click(PointAt(1));
  browser_->Click(PointAt(7));
  browser_->Click("#numbers thead th button");
  browser_->Click("#details .strip a");
  browser_->Click("#comparison .pair");
  EXPECT_EQ(Value("typeof window.hacked"), "undefined");
  EXPECT_EQ(Count("img[src=x], img[onerror]"), 0);
  EXPECT_EQ(Count("script"), 2);
  EXPECT_THAT(Value("document.querySelector('h1').textContent").get<std::string>(),
              HasSubstr("</script><img src=x onerror="));
  EXPECT_THAT(Value("document.querySelector('#details h3').textContent").get<std::string>(),
              HasSubstr("<img src=x"));
  for (const std::string& href : Value("[...document.querySelectorAll('a[href]')].map((one) => "
                                       "one.href)")
                                     .get<std::vector<std::string>>())
    EXPECT_TRUE(href.starts_with("file://" + folder_.path() + "/")) << href;
  // Originals that aren't there are the only thing that may have failed.
  for (const std::string& complaint : browser_->complaints())
    EXPECT_THAT(complaint, HasSubstr("ERR_FILE_NOT_FOUND"));
}

TEST_F(PageBrowserTest, FitsAPhoneWithoutScrollingSideways) {
  EvaluationPage page = ExampleEvaluation();
  page.prompts[0] = std::string(300, 'w');
  page.points[2].name = std::string(120, 'n');
  Open(page, 360);
  const auto width = [&] { return Value("document.documentElement.scrollWidth").get<int>(); };
  EXPECT_LE(width(), 360);
  browser_->Click(PointAt(2));
  browser_->Click(PointAt(7));
  EXPECT_EQ(Count("#comparison .pair"), 24);
  EXPECT_LE(width(), 360);
  // Letters of the curve stay legible.
  EXPECT_GE(Value("(() => { const svg = document.querySelector('figure:not([hidden]) svg'); return "
                  "parseFloat(getComputedStyle(svg.querySelector('text')).fontSize) * "
                  "svg.clientWidth / 640; })()")
                .get<double>(),
            9.5);
  Open(ExampleEvaluation(), 360);
  browser_->Click(PointAt(2));
  browser_->Click(PointAt(7));
  Picture("phone");
}

TEST_F(PageBrowserTest, CurveAndTableStandWithoutScript) {
  const std::string path = folder_.Write("report.html", RenderEvaluationPage(ExampleEvaluation()));
  browser_->Look(1280, 900);
  browser_->RunScripts(false);
  browser_->Open(path);
  EXPECT_EQ(Count("figure[data-reward=\"0\"] .point"), 11);
  EXPECT_EQ(Count("#numbers tbody tr"), 11);
  EXPECT_GT(Value("document.querySelector('figure svg').clientHeight").get<int>(), 200);
  EXPECT_THAT(Text("noscript"), HasSubstr("need the page's script"));
  Picture("no_script");
  browser_->RunScripts(true);
}

TEST_F(PageBrowserTest, PrintsCurveAndTable) {
  Open(ExampleEvaluation(), 800, true, "print");
  EXPECT_GT(Value("document.querySelector('figure svg').clientHeight").get<int>(), 200);
  EXPECT_EQ(Value("getComputedStyle(document.getElementById('numbers')).display"), "table");
  EXPECT_EQ(Value("getComputedStyle(document.body).color"), "rgb(28, 29, 32)");  // dark on paper
  EXPECT_THAT(browser_->Print(), ::testing::StartsWith("%PDF"));
  if (const char* folder = std::getenv("DRAFTP_SCREENSHOTS"))
    std::ofstream(std::string(folder) + "/print.pdf") << browser_->Print();
}

TEST_F(PageBrowserTest, AThousandPicturesStayQuick) {
  EvaluationPage page = ExampleEvaluation(6, 16);  // 1056
  Open(page);
  EXPECT_LT(Count("img"), 150);  // those of one point and one family
  // The least of ten: other programs may run beside it.
  const auto milliseconds = [&](const std::string& what) {
    return Value(
               "(async () => { let least = Infinity; for (let i = 0; i < 10; ++i) { const begin ="
               " performance.now(); " +
               what +
               "; document.body.getBoundingClientRect();"
               " least = Math.min(least, performance.now() - begin); } return least; })()")
        .get<double>();
  };
  const std::string focus = "document.querySelectorAll('figure:not([hidden]) .point')[i].focus()";
  const std::string slide =
      "const slider = document.querySelector('#way input'); slider.value = i % 5;"
      "slider.dispatchEvent(new Event('input'))";
  EXPECT_LT(milliseconds(focus), 100);
  EXPECT_LT(milliseconds(slide), 50);
  RecordProperty("focus_ms", std::to_string(milliseconds(focus)));
  RecordProperty("slide_ms", std::to_string(milliseconds(slide)));
  browser_->Click(PointAt(1));
  browser_->Click(PointAt(7));
  EXPECT_EQ(Count("#comparison .pair"), 96);
  Picture("thousand");
  EXPECT_THAT(browser_->complaints(), IsEmpty());
}

TEST_F(PageBrowserTest, ATrainingsReportIsAPageOfTheSameDress) {
  Report report{.title = "my_run: sdxl-base", .summary = "Finished: 240 steps."};
  report.facts = {{"Validation reward", "31.25", "base 30.1"}, {"Best step", "200", ""}};
  report.warnings = {"the reward rises while its held-out sister falls"};
  report.curves = {{"Reward", "", {}, {}}, {"KL to the base model", "", {}, {}}};
  for (int i = 0; i < 240; ++i) {
    for (ReportCurve& curve : report.curves) curve.x.push_back(i);
    report.curves[0].y.push_back(30 + 0.005 * i + 0.1 * std::sin(i * 1.7));
    report.curves[1].y.push_back(0.002 * i);
  }
  for (int step = 0; step <= 240; step += 20) {
    const RgbImage sheet = FitInto(testing::DrawnDisc(300, 0.6, step / 240.0, 5), 224, 224);
    report.strip.push_back({"step " + std::to_string(step), *EncodeJpeg(sheet, 80),
                            "validation/step_" + std::to_string(step) + ".png"});
  }
  report.settings = {{"lr", "2e-3"}};
  browser_->RunScripts(true);
  for (const int width : {1280, 360}) {
    browser_->Look(width, 900);
    browser_->Open(folder_.Write("report.html", RenderHtml(report)));
    EXPECT_THAT(browser_->complaints(), IsEmpty());
    EXPECT_LE(Value("document.documentElement.scrollWidth").get<int>(), width);
    EXPECT_EQ(Value("getComputedStyle(document.querySelector('.strip')).overflowX"), "auto");
    EXPECT_EQ(Value("document.querySelector('.strip img').naturalWidth"), 224);
    Picture("training_" + std::to_string(width));
  }
}

TEST_F(PageBrowserTest, AnEmptyEvaluationIsAPage) {
  Open({.title = "nothing"});
  EXPECT_THAT(browser_->complaints(), IsEmpty());
  EvaluationPage page{.title = "one"};
  page.points = {{.name = "unmeasured", .family = "f"}};
  Open(page);
  EXPECT_THAT(browser_->complaints(), IsEmpty());
  EXPECT_THAT(Text("#details"), HasSubstr("unmeasured"));
}

}  // namespace
}  // namespace draftp
