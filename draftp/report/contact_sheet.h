// One picture of many: rows and columns with labels, to be looked at by a person.
#ifndef DRAFTP_REPORT_CONTACT_SHEET_H_
#define DRAFTP_REPORT_CONTACT_SHEET_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "draftp/io/png.h"

namespace draftp {

// UTF-8; an empty title or footer takes no room. As many rows and columns as there are labels.
struct ContactSheetLabels {
  std::string title;
  std::string footer;
  std::vector<std::string> rows;     // wrapped beside the cells, cut with "…" at a cell's height
  std::vector<std::string> columns;  // above the cells, four lines at most
  // What tells a row from others of its label, as "seed 1245"; one a row, or none at all.
  std::vector<std::string> row_notes = {};
};

// Keeps scaled copies of the pictures until it is drawn, so that a run of any size needs bounded
// memory: cells are at most 512 a side, and the sheet about 16,000; of more rows or columns than
// fit, the first are shown and the footer says so.
//
// Rows stand below each other. Where that would be a tall strip and successive rows have one label,
// they become a grid instead: several rows side by side under their label, each with its note below
// it, in cells that together have at most 24 million pixels.
//
//   ContactSheet sheet({.title = "tiny_sdxl", .rows = prompts, .columns = weight_types}, 128, 128);
//   sheet.SetCell(row, column, picture);
//   absl::StatusOr<RgbImage> image = sheet.Draw();
class ContactSheet {
 public:
  // `width` and `height`: of the pictures that will come. A picture of another size is fitted into
  // a cell by its own proportions, never enlarged.
  ContactSheet(ContactSheetLabels labels, int width, int height);

  // Replaces what the cell held; a cell outside the shown part is passed over. Cells never set, or
  // set to an empty picture, are drawn grey.
  void SetCell(int row, int column, const RgbImage& picture);

  absl::StatusOr<RgbImage> Draw() const;

  // Rows side by side; 1: no grid.
  int across() const { return across_; }
  int rows_shown() const { return rows_shown_; }
  int columns_shown() const { return columns_shown_; }

 private:
  void FitRows(int width, int height);
  void FitGrid(int width, int height);

  ContactSheetLabels labels_;
  int cell_width_ = 0;
  int cell_height_ = 0;
  int rows_shown_ = 0;
  int columns_shown_ = 0;
  int across_ = 1;
  std::vector<RgbImage> cells_;  // [rows_shown, columns_shown]
};

}  // namespace draftp

#endif  // DRAFTP_REPORT_CONTACT_SHEET_H_
