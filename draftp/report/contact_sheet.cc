// Lays out labels and cells, scales the pictures and draws the sheet.
#include "draftp/report/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/report/text_font.h"
#include "draftp/report/thumbnail.h"

namespace draftp {
namespace {

constexpr int kMaxCell = 512;
constexpr int kMinCell = 32;
constexpr int kMaxSheet = 15'000;  // room for cells; labels come on top
constexpr int kMaxRows = 1'000'000;
constexpr double kMaxGridPixels = 24e6;  // of all cells of a grid
constexpr int kGridGap = 24;             // about what parts its cells, notes included
constexpr Color kInk{0x22, 0x22, 0x22};
constexpr Color kFaint{0x77, 0x77, 0x77};
constexpr Color kFrame{0xD4, 0xD4, 0xD4};
constexpr Color kMissing{0xEC, 0xEC, 0xEC};

void FillRectangle(RgbImage& image, int x, int y, int width, int height, Color color) {
  for (int row = y; row < y + height; ++row) {
    for (int column = x; column < x + width; ++column) {
      uint8_t* const pixel = &image.pixels[(static_cast<size_t>(row) * image.width + column) * 3];
      pixel[0] = color.red;
      pixel[1] = color.green;
      pixel[2] = color.blue;
    }
  }
}

void Paste(RgbImage& image, int x, int y, const RgbImage& picture) {
  const size_t stride = static_cast<size_t>(picture.width) * 3;
  for (int row = 0; row < picture.height; ++row) {
    std::copy_n(&picture.pixels[row * stride], stride,
                &image.pixels[(static_cast<size_t>(y + row) * image.width + x) * 3]);
  }
}

struct Fonts {
  TextFont regular, bold, heading;
};

absl::StatusOr<Fonts> MakeFonts(int pixels) {
  absl::StatusOr<TextFont> regular = TextFont::Create(FontWeight::kRegular, pixels);
  if (!regular.ok()) return regular.status();
  absl::StatusOr<TextFont> bold = TextFont::Create(FontWeight::kBold, pixels);
  if (!bold.ok()) return bold.status();
  absl::StatusOr<TextFont> heading = TextFont::Create(FontWeight::kBold, pixels * 3 / 2);
  if (!heading.ok()) return heading.status();
  return Fonts{*std::move(regular), *std::move(bold), *std::move(heading)};
}

// Lines of text at a place; `centred` is the width that they are centred in, 0: none.
struct Text {
  const TextFont* font;
  std::vector<std::string> lines;
  int x, top;
  Color color = kInk;
  int centred = 0;

  int Height() const { return font->line_height() * static_cast<int>(lines.size()); }
  int Width() const {
    int widest = 0;
    for (const std::string& line : lines) widest = std::max(widest, font->Width(line));
    return widest;
  }
  void Draw(RgbImage& image) const {
    int baseline = top + font->ascent();
    for (const std::string& line : lines) {
      const int left = centred > 0 ? x + (centred - font->Width(line)) / 2 : x;
      font->Draw(image, left, baseline, line, color);
      baseline += font->line_height();
    }
  }
};

// What a sheet shows: its cells' sizes and how many of its rows and columns.
struct Shown {
  int rows, columns, across;
  int cell_width, cell_height;
};

// Successive rows of one label.
struct Section {
  int begin, end;
};

std::vector<Section> Sections(const std::vector<std::string>& labels, int rows) {
  std::vector<Section> sections;
  for (int row = 0; row < rows; ++row) {
    if (row > 0 && labels[row] == labels[row - 1]) {
      sections.back().end = row + 1;
    } else {
      sections.push_back({row, row + 1});
    }
  }
  return sections;
}

// Where everything lies, from the top downwards.
class Layout {
 public:
  Layout(const ContactSheetLabels& labels, const std::string& footer, const Shown& shown,
         const Fonts& fonts, int pixels)
      : labels_(labels),
        shown_(shown),
        fonts_(fonts),
        margin_(pixels * 2),
        gap_(std::max(pixels * 2 / 3, 6)),
        group_(shown.columns * (shown.cell_width + gap_) - (shown.columns > 0 ? gap_ : 0)),
        y_(margin_) {
    std::vector<Text> rows = RowLabels();
    const int groups = GroupLeft(shown.across - 1) + group_ - GroupLeft(0);
    const int text_width = std::max(label_width_ + groups, 480);
    width_ = label_width_ + groups;
    AddBlock(fonts.heading, fonts.heading.Wrap(labels.title, text_width, 2), kInk);
    if (!texts.empty()) y_ += 2 * gap_;
    AddHeads();
    if (shown.across > 1) {
      PlaceGrid(text_width);
    } else {
      PlaceRows(std::move(rows));
    }
    const std::vector<std::string> last = fonts.regular.Wrap(footer, text_width, 4);
    if (!last.empty()) y_ += 2 * gap_;
    AddBlock(fonts.regular, last, kFaint);
  }

  int width() const { return width_ + 2 * margin_; }
  int height() const { return y_ + margin_; }
  int gap() const { return gap_; }

  std::vector<Text> texts;
  std::vector<std::pair<int, int>> origins;  // x and y of each row's first cell

 private:
  std::string Note(int row) const {
    return static_cast<size_t>(row) < labels_.row_notes.size() ? labels_.row_notes[row] : "";
  }

  // Text at the left margin, below what is there.
  void AddBlock(const TextFont& font, std::vector<std::string> lines, Color color) {
    Text text{&font, std::move(lines), margin_, y_, color};
    y_ += text.Height();
    width_ = std::max(width_, text.Width());
    if (!text.lines.empty()) texts.push_back(std::move(text));
  }

  // A label and a note for each row, the label where it isn't that of the row above alone.
  std::vector<Text> RowLabels() {
    std::vector<Text> texts_of_rows;
    if (shown_.across > 1) return texts_of_rows;
    const int limit = std::clamp(shown_.cell_width * 8 / 5, 180, 480);
    const int most = std::max(shown_.cell_height / fonts_.regular.line_height(), 1);
    for (int row = 0; row < shown_.rows; ++row) {
      const std::string note = Note(row);
      const bool repeats = !note.empty() && row > 0 && labels_.rows[row] == labels_.rows[row - 1];
      Text label{&fonts_.regular, {}, margin_, 0};
      if (!repeats)
        label.lines = fonts_.regular.Wrap(labels_.rows[row], limit, most - (note.empty() ? 0 : 1));
      Text below{&fonts_.regular, fonts_.regular.Wrap(note, limit, 1), margin_, 0, kFaint};
      label_width_ = std::max({label_width_, label.Width(), below.Width()});
      texts_of_rows.push_back(std::move(label));
      texts_of_rows.push_back(std::move(below));
    }
    if (label_width_ > 0) label_width_ += 2 * gap_;
    return texts_of_rows;
  }

  // Groups of several cells stand further apart than their cells.
  int GroupLeft(int place) const {
    const int between = shown_.columns > 1 ? 3 * gap_ : gap_;
    return margin_ + label_width_ + place * (group_ + between);
  }

  // Each column's head above each group of cells, standing on one line; a single column's once.
  void AddHeads() {
    std::vector<Text> heads;
    int highest = 0;
    for (int column = 0; column < shown_.columns; ++column) {
      heads.push_back({&fonts_.bold,
                       fonts_.bold.Wrap(labels_.columns[column], shown_.cell_width, 4), 0, 0, kInk,
                       shown_.cell_width});
      highest = std::max(highest, heads.back().Height());
    }
    const int places = highest == 0 ? 0 : shown_.columns == 1 ? 1 : shown_.across;
    for (int place = 0; place < places; ++place) {
      for (int column = 0; column < shown_.columns; ++column) {
        Text head = heads[column];
        head.x = GroupLeft(place) + column * (shown_.cell_width + gap_);
        head.top = y_ + highest - head.Height();
        texts.push_back(std::move(head));
      }
    }
    y_ += highest + (highest > 0 ? gap_ : 0);
  }

  void PlaceRows(std::vector<Text> labels) {
    for (int row = 0; row < shown_.rows; ++row) {
      if (row > 0) y_ += gap_;
      origins.emplace_back(GroupLeft(0), y_);
      Text &label = labels[2 * row], &note = labels[2 * row + 1];
      label.top = y_ + (shown_.cell_height - label.Height() - note.Height()) / 2;
      note.top = label.top + label.Height();
      texts.push_back(std::move(label));
      texts.push_back(std::move(note));
      y_ += shown_.cell_height;
    }
  }

  void PlaceGrid(int text_width) {
    const int line = fonts_.regular.line_height();
    for (const Section& section : Sections(labels_.rows, shown_.rows)) {
      if (section.begin > 0) y_ += 2 * gap_;
      AddBlock(fonts_.regular, fonts_.regular.Wrap(labels_.rows[section.begin], text_width, 2),
               kInk);
      y_ += gap_ / 2;
      for (int row = section.begin; row < section.end; ++row) {
        const int place = (row - section.begin) % shown_.across;
        const bool last = place + 1 == shown_.across || row + 1 == section.end;
        origins.emplace_back(GroupLeft(place), y_);
        const std::string note = Note(row);
        texts.push_back({&fonts_.regular, fonts_.regular.Wrap(note, std::max(group_, 1), 1),
                         GroupLeft(place), y_ + shown_.cell_height + gap_ / 4, kFaint, group_});
        if (last) y_ += shown_.cell_height + gap_ + (labels_.row_notes.empty() ? 0 : line);
      }
    }
  }

  const ContactSheetLabels& labels_;
  const Shown& shown_;
  const Fonts& fonts_;
  int margin_, gap_;
  int group_;  // width of a row's cells
  int label_width_ = 0;
  int width_ = 0;
  int y_;
};

// Cells of one direction: their size and how many fit.
std::pair<int, int> FitCells(int size, int count) {
  const int limit = count > 0 ? kMaxSheet / count : kMaxCell;
  const int cell = std::clamp(size, 1, std::clamp(limit, kMinCell, kMaxCell));
  return {cell, std::min(count, kMaxSheet / std::max(cell, kMinCell))};
}

}  // namespace

ContactSheet::ContactSheet(ContactSheetLabels labels, int width, int height)
    : labels_(std::move(labels)) {
  FitRows(std::max(width, 1), std::max(height, 1));
  FitGrid(std::max(width, 1), std::max(height, 1));
  cells_.resize(static_cast<size_t>(rows_shown_) * columns_shown_);
}

// Wide sheets shrink their cells; long ones are cut, since people scroll down but not sideways.
void ContactSheet::FitRows(int width, int height) {
  const auto rows = static_cast<int>(std::min<size_t>(labels_.rows.size(), kMaxRows));
  const auto columns = static_cast<int>(std::min<size_t>(labels_.columns.size(), kMaxSheet));
  std::tie(cell_width_, columns_shown_) = FitCells(width, columns);
  const double scale = std::min(
      {1.0, static_cast<double>(cell_width_) / width, static_cast<double>(kMaxCell) / height});
  cell_width_ = std::max(static_cast<int>(std::lround(width * scale)), 1);
  cell_height_ = std::max(static_cast<int>(std::lround(height * scale)), 1);
  rows_shown_ = std::min(rows, kMaxSheet / std::max(cell_height_, kMinCell));
}

// Does nothing where rows below each other are no tall strip, or no two have one label.
void ContactSheet::FitGrid(int width, int height) {
  const auto rows = static_cast<int>(std::min<size_t>(labels_.rows.size(), kMaxRows));
  const int columns = columns_shown_;
  if (rows < 9 || columns == 0 || static_cast<size_t>(columns) < labels_.columns.size()) return;
  if (int64_t{rows} * cell_height_ < 2 * std::max(columns * cell_width_, 600)) return;
  const double pixels = static_cast<double>(rows) * columns * width * height;
  const double least = static_cast<double>(kMinCell) / std::min(width, height);
  const double scale = std::min({1.0, static_cast<double>(kMaxCell) / std::max(width, height),
                                 std::max(least, std::sqrt(kMaxGridPixels / pixels))});
  const int cell_width = std::max(static_cast<int>(width * scale), 1);
  const int cell_height = std::max(static_cast<int>(height * scale), 1);
  const int shown = static_cast<int>(std::min<double>(
      rows, kMaxGridPixels / (static_cast<double>(columns) * cell_width * cell_height)));
  const std::vector<Section> sections = Sections(labels_.rows, shown);
  const auto lines = [&sections](int across) {
    int64_t count = 0;
    for (const Section& section : sections)
      count += (section.end - section.begin + across - 1) / across;
    return count;
  };
  int across = 1, longest = 1;
  for (const Section& section : sections) longest = std::max(longest, section.end - section.begin);
  while (across < longest && (across + 1) * columns * (cell_width + kGridGap) <= kMaxSheet &&
         lines(across) * (cell_height + kGridGap) * 4 > int64_t{5} * across * columns * cell_width)
    ++across;
  if (across == 1 || lines(across) * (cell_height + kGridGap) > kMaxSheet) return;
  std::tie(across_, rows_shown_) = std::pair(across, shown);
  std::tie(cell_width_, cell_height_) = std::pair(cell_width, cell_height);
}

void ContactSheet::SetCell(int row, int column, const RgbImage& picture) {
  if (row < 0 || row >= rows_shown_ || column < 0 || column >= columns_shown_) return;
  cells_[static_cast<size_t>(row) * columns_shown_ + column] =
      FitInto(picture, cell_width_, cell_height_);
}

absl::StatusOr<RgbImage> ContactSheet::Draw() const {
  std::string footer = labels_.footer;
  const auto mention = [&footer](int shown, size_t all, const char* what) {
    if (static_cast<size_t>(shown) < all) {
      absl::StrAppend(&footer, footer.empty() ? "" : " · ", "first ", shown, " of ", all, " ",
                      what);
    }
  };
  mention(rows_shown_, labels_.rows.size(), "rows");
  mention(columns_shown_, labels_.columns.size(), "columns");
  const int pixels = std::clamp(11 + cell_width_ / 40, 12, 24);
  const absl::StatusOr<Fonts> fonts = MakeFonts(pixels);
  if (!fonts.ok()) return fonts.status();
  const Shown shown{rows_shown_, columns_shown_, across_, cell_width_, cell_height_};
  const Layout layout(labels_, footer, shown, *fonts, pixels);
  RgbImage image = FilledImage(layout.width(), layout.height(), 0xFF, 0xFF, 0xFF);
  for (const Text& text : layout.texts) text.Draw(image);
  for (int row = 0; row < rows_shown_; ++row) {
    const auto [left, y] = layout.origins[row];
    for (int column = 0; column < columns_shown_; ++column) {
      const int x = left + column * (cell_width_ + layout.gap());
      const RgbImage& cell = cells_[static_cast<size_t>(row) * columns_shown_ + column];
      // A hairline around each, so that white pictures have an edge on white paper.
      FillRectangle(image, x - 1, y - 1, cell_width_ + 2, cell_height_ + 2, kFrame);
      FillRectangle(image, x, y, cell_width_, cell_height_,
                    cell.pixels.empty() ? kMissing : Color{255, 255, 255});
      Paste(image, x + (cell_width_ - cell.width) / 2, y + (cell_height_ - cell.height) / 2, cell);
    }
  }
  return image;
}

}  // namespace draftp
