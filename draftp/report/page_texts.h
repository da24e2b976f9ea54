// Style sheets and the script of the pages: the files of their names, put into the program by the
// build (target page_texts).
#ifndef DRAFTP_REPORT_PAGE_TEXTS_H_
#define DRAFTP_REPORT_PAGE_TEXTS_H_

#include <string_view>

namespace draftp {

extern const std::string_view kPageDressCss;       // page_dress.css: colours and type of all pages
extern const std::string_view kHtmlReportCss;      // html_report.css: what a training's page adds
extern const std::string_view kEvaluationPageCss;  // evaluation_page.css
// One script in two files, in this order.
extern const std::string_view kEvaluationPicturesJs;  // evaluation_pictures.js
extern const std::string_view kEvaluationPageJs;      // evaluation_page.js

}  // namespace draftp

#endif  // DRAFTP_REPORT_PAGE_TEXTS_H_
