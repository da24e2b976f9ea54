// Lays out labels and cells, scales the pictures and draws the sheet.
#include "draftp/io/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "draftp/io/text_font.h"

namespace draftp {
namespace {

constexpr int kMaxCell = 512;
constexpr int kMinCell = 32;
constexpr int kMaxSheet = 15'000;  // room for cells; labels come on top
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

// Fonts and distances of a sheet, in pixels.
struct Layout {
  TextFont regular;
  TextFont bold;
  TextFont heading;
  int margin;
  int gap;  // between cells
  std::vector<std::string> title;
  std::vector<std::string> footer;
  std::vector<std::vector<std::string>> rows;
  std::vector<std::vector<std::string>> columns;
  int label_width = 0;  // of the column of row labels, with the gap after it
  int cells_top = 0;
  int width = 0;
  int height = 0;
};

int Widest(const TextFont& font, const std::vector<std::string>& lines) {
  int widest = 0;
  for (const std::string& line : lines) widest = std::max(widest, font.Width(line));
  return widest;
}

void DrawLines(RgbImage& image, const TextFont& font, const std::vector<std::string>& lines, int x,
               int top, Color color) {
  int baseline = top + font.ascent();
  for (const std::string& line : lines) {
    font.Draw(image, x, baseline, line, color);
    baseline += font.line_height();
  }
}

int Height(const TextFont& font, const std::vector<std::string>& lines) {
  return font.line_height() * static_cast<int>(lines.size());
}

absl::StatusOr<Layout> MakeFonts(int cell_width) {
  const int size = std::clamp(11 + cell_width / 40, 12, 24);
  absl::StatusOr<TextFont> regular = TextFont::Create(FontWeight::kRegular, size);
  if (!regular.ok()) return regular.status();
  absl::StatusOr<TextFont> bold = TextFont::Create(FontWeight::kBold, size);
  if (!bold.ok()) return bold.status();
  absl::StatusOr<TextFont> heading = TextFont::Create(FontWeight::kBold, size * 3 / 2);
  if (!heading.ok()) return heading.status();
  return Layout{.regular = *std::move(regular),
                .bold = *std::move(bold),
                .heading = *std::move(heading),
                .margin = size * 2,
                .gap = std::max(size * 2 / 3, 6),
                .title = {},
                .footer = {},
                .rows = {},
                .columns = {}};
}

// Wraps all labels and computes where things lie.
absl::StatusOr<Layout> MakeLayout(const ContactSheetLabels& labels, const std::string& footer,
                                  int rows, int columns, int cell_width, int cell_height) {
  absl::StatusOr<Layout> made = MakeFonts(cell_width);
  if (!made.ok()) return made.status();
  Layout& layout = *made;
  const int line = layout.regular.line_height();
  const int label_limit = std::clamp(cell_width * 8 / 5, 180, 480);
  for (int row = 0; row < rows; ++row) {
    layout.rows.push_back(
        layout.regular.Wrap(labels.rows[row], label_limit, std::max(cell_height / line, 1)));
    layout.label_width = std::max(layout.label_width, Widest(layout.regular, layout.rows.back()));
  }
  if (layout.label_width > 0) layout.label_width += 2 * layout.gap;
  int header = 0;
  for (int column = 0; column < columns; ++column) {
    layout.columns.push_back(layout.bold.Wrap(labels.columns[column], cell_width, 2));
    header = std::max(header, Height(layout.bold, layout.columns.back()));
  }
  const int grid_width =
      layout.label_width + columns * (cell_width + layout.gap) - (columns > 0 ? layout.gap : 0);
  const int text_width = std::max(grid_width, 480);
  layout.title = layout.heading.Wrap(labels.title, text_width, 2);
  layout.footer = layout.regular.Wrap(footer, text_width, 4);
  const int content = std::max(
      {grid_width, Widest(layout.heading, layout.title), Widest(layout.regular, layout.footer)});
  layout.width = content + 2 * layout.margin;
  layout.cells_top = layout.margin + Height(layout.heading, layout.title) +
                     (layout.title.empty() ? 0 : 2 * layout.gap) + header +
                     (header > 0 ? layout.gap : 0);
  layout.height =
      layout.cells_top + rows * (cell_height + layout.gap) - (rows > 0 ? layout.gap : 0) +
      (layout.footer.empty() ? 0 : 2 * layout.gap + Height(layout.regular, layout.footer)) +
      layout.margin;
  return made;
}

// Cells of one direction: their size and how many fit.
std::pair<int, int> FitCells(int size, int count) {
  const int limit = count > 0 ? kMaxSheet / count : kMaxCell;
  const int cell = std::clamp(size, 1, std::clamp(limit, kMinCell, kMaxCell));
  return {cell, std::min(count, kMaxSheet / std::max(cell, kMinCell))};
}

}  // namespace

RgbImage FitInto(const RgbImage& image, int width, int height) {
  if (image.width <= width && image.height <= height) return image;
  const double scale = std::min(static_cast<double>(width) / image.width,
                                static_cast<double>(height) / image.height);
  const int out_width = std::clamp(static_cast<int>(std::lround(image.width * scale)), 1, width);
  const int out_height = std::clamp(static_cast<int>(std::lround(image.height * scale)), 1, height);
  // Along one axis a pixel of the result is the mean over [i, i+1) * in/out, ends taken by their
  // part.
  const auto shrink = [](const std::vector<float>& in, int lines, int size, int out, int line_step,
                         int pixel_step, int out_line_step, int out_pixel_step) {
    std::vector<float> result(static_cast<size_t>(lines) * out * 3);
    const double ratio = static_cast<double>(size) / out;
    for (int i = 0; i < out; ++i) {
      const double begin = i * ratio;
      const double end = std::min<double>(begin + ratio, size);
      for (int j = static_cast<int>(begin); j < end; ++j) {
        const auto part =
            static_cast<float>((std::min<double>(j + 1, end) - std::max<double>(j, begin)) / ratio);
        for (int line = 0; line < lines; ++line) {
          const float* const source =
              &in[static_cast<size_t>(line) * line_step + static_cast<size_t>(j) * pixel_step];
          float* const target = &result[static_cast<size_t>(line) * out_line_step +
                                        static_cast<size_t>(i) * out_pixel_step];
          for (int c = 0; c < 3; ++c) target[c] += part * source[c];
        }
      }
    }
    return result;
  };
  const std::vector<float> full(image.pixels.begin(), image.pixels.end());
  const std::vector<float> narrow =
      shrink(full, image.height, image.width, out_width, image.width * 3, 3, out_width * 3, 3);
  const std::vector<float> small =
      shrink(narrow, out_width, image.height, out_height, 3, out_width * 3, 3, out_width * 3);
  RgbImage result{out_width, out_height, std::vector<uint8_t>(small.size())};
  std::transform(small.begin(), small.end(), result.pixels.begin(), [](float value) {
    return static_cast<uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
  });
  return result;
}

ContactSheet::ContactSheet(ContactSheetLabels labels, int width, int height)
    : labels_(std::move(labels)) {
  const auto rows = static_cast<int>(std::min<size_t>(labels_.rows.size(), kMaxSheet));
  const auto columns = static_cast<int>(std::min<size_t>(labels_.columns.size(), kMaxSheet));
  // Wide sheets shrink their cells; long ones are cut, since people scroll down but not sideways.
  std::tie(cell_width_, columns_shown_) = FitCells(width, columns);
  const double scale = std::min({1.0, static_cast<double>(cell_width_) / std::max(width, 1),
                                 static_cast<double>(kMaxCell) / std::max(height, 1)});
  cell_width_ = std::max(static_cast<int>(std::lround(width * scale)), 1);
  cell_height_ = std::max(static_cast<int>(std::lround(height * scale)), 1);
  rows_shown_ = std::min(rows, kMaxSheet / std::max(cell_height_, kMinCell));
  cells_.resize(static_cast<size_t>(rows_shown_) * columns_shown_);
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
  const absl::StatusOr<Layout> layout =
      MakeLayout(labels_, footer, rows_shown_, columns_shown_, cell_width_, cell_height_);
  if (!layout.ok()) return layout.status();
  RgbImage image = FilledImage(layout->width, layout->height, 0xFF, 0xFF, 0xFF);
  DrawLines(image, layout->heading, layout->title, layout->margin, layout->margin, kInk);
  const int left = layout->margin + layout->label_width;
  for (int column = 0; column < columns_shown_; ++column) {
    const std::vector<std::string>& lines = layout->columns[column];
    int top = layout->cells_top - layout->gap - Height(layout->bold, lines);
    for (const std::string& line : lines) {
      const int x = left + column * (cell_width_ + layout->gap) +
                    (cell_width_ - layout->bold.Width(line)) / 2;
      DrawLines(image, layout->bold, {line}, x, top, kInk);
      top += layout->bold.line_height();
    }
  }
  for (int row = 0; row < rows_shown_; ++row) {
    const int y = layout->cells_top + row * (cell_height_ + layout->gap);
    const int label_top = y + (cell_height_ - Height(layout->regular, layout->rows[row])) / 2;
    DrawLines(image, layout->regular, layout->rows[row], layout->margin, label_top, kInk);
    for (int column = 0; column < columns_shown_; ++column) {
      const int x = left + column * (cell_width_ + layout->gap);
      const RgbImage& cell = cells_[static_cast<size_t>(row) * columns_shown_ + column];
      // A hairline around each, so that white pictures have an edge on white paper.
      FillRectangle(image, x - 1, y - 1, cell_width_ + 2, cell_height_ + 2, kFrame);
      FillRectangle(image, x, y, cell_width_, cell_height_,
                    cell.pixels.empty() ? kMissing : Color{255, 255, 255});
      Paste(image, x + (cell_width_ - cell.width) / 2, y + (cell_height_ - cell.height) / 2, cell);
    }
  }
  const int footer_top = layout->height - layout->margin - Height(layout->regular, layout->footer);
  DrawLines(image, layout->regular, layout->footer, layout->margin, footer_top, kFaint);
  return image;
}

}  // namespace draftp
