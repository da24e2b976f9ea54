// The drawing of this rank's part of an annealing run, and the overview of all. Of two ranks that
// draw each image together, the first decides what is to be drawn, decodes, writes and counts.
#ifndef DRAFTP_ANNEAL_ANNEAL_RUN_H_
#define DRAFTP_ANNEAL_ANNEAL_RUN_H_

#include <absl/status/status.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "draftp/anneal/anneal_config.h"
#include "draftp/anneal/anneal_plan.h"
#include "draftp/anneal/image_drawer.h"
#include "draftp/anneal/image_output.h"
#include "draftp/anneal/web_ui_text.h"
#include "draftp/report/contact_sheet.h"
#include "draftp/run/background_tasks.h"
#include "draftp/run/notices.h"
#include "draftp/run/progress.h"
#include "draftp/sampling/any_noise.h"
#include "draftp/sdxl/sdxl_model.h"
#include "draftp/shard/world.h"

namespace draftp {

// A blend of the run, or one whose pictures an earlier run of the same settings left.
struct AnnealColumn {
  Blend blend;
  bool drawn;
  std::vector<PngText> made_by = {};  // see anneal_identity.h
  WebUiModels web_ui = {};
};

std::vector<Blend> BlendsIn(const std::vector<AnnealColumn>& columns);
std::vector<std::string> TextsOf(const std::vector<AnnealColumn>& columns);

class AnnealRun {
 public:
  struct Options {
    ImageSize size;
    std::vector<AnnealColumn> columns;
    // Sets made_by and web_ui of all columns; called before the first picture's text is needed.
    std::function<absl::Status(std::vector<AnnealColumn>&)> identify;
    // Before files are written: whether config.output_dir still is the run's.
    std::function<absl::Status()> check_folder = [] { return absl::OkStatus(); };
    // After each step and each batch, with the batch's number.
    std::function<void(int64_t)> after_step = [](int64_t) {};
    World* pair = nullptr;  // see DrawSettings
  };

  // All but `schedule` and `options` must outlive it.
  AnnealRun(const AnnealConfig& config, const AnnealPlan& plan, const SdxlModel& model,
            NoiseSchedule schedule, Options options, Notices& log);

  // The folders of the columns that are drawn must exist.
  absl::Status DrawAll();
  // Once all ranks have drawn. What isn't this rank's, and what an earlier run left, is read.
  absl::Status WriteOverview();
  const ImageDrawer& drawer() const { return drawer_; }
  int64_t drawn() const { return drawn_; }
  int64_t kept() const { return kept_; }

 private:
  ContactSheetLabels SheetLabels() const;
  // What redraws image `image` alone; of one stream for all, the run's.
  uint64_t SeedOf(int64_t image) const;
  absl::StatusOr<ImageRecord> RecordOf(const AnnealColumn& column, int64_t image);
  struct Existing {
    RgbImage picture;
    int rank;  // under whose number it lies
  };
  // What an earlier run, or another rank, has drawn exactly so.
  absl::StatusOr<std::optional<Existing>> Find(size_t column, int64_t image);
  // Of an image that lies under `rank`'s number now, what an earlier run has left under others.
  void RemoveOthers(size_t column, int64_t image, int rank) const;
  absl::Status DrawBatch(size_t column, const NoiseStreams& streams,
                         const std::vector<int64_t>& images);
  bool IsPartner() const { return options_.pair != nullptr && !options_.pair->first(); }
  // Those images of the batch that are to be drawn; what an earlier run has left is shown.
  absl::StatusOr<std::vector<int64_t>> Missing(size_t column, const std::vector<int64_t>& images);
  // The same, of a pair the first rank's. Here its ranks meet once a batch, so that neither is more
  // than a batch behind the other.
  absl::StatusOr<std::vector<int64_t>> ToDraw(size_t column, const std::vector<int64_t>& images);
  absl::Status SetCaptions(const std::vector<int64_t>& images);
  // Decodes, hands over to be written and shown, and counts.
  absl::Status Finish(size_t column, const std::vector<int64_t>& images, const at::Tensor& latents);
  absl::Status Write(size_t column, const std::vector<int64_t>& images,
                     std::vector<RgbImage> pictures);
  void Show(size_t column, const std::vector<int64_t>& images,
            const std::vector<RgbImage>& pictures);
  absl::Status ShowOthers();

  const AnnealConfig& config_;
  const AnnealPlan& plan_;
  Options options_;
  Progress progress_;
  NoiseSchedule schedule_;
  ImageDrawer drawer_;
  ContactSheet sheet_;
  std::vector<RanksOfImages> found_;  // of each column, before the drawing
  int64_t batch_ = 0;
  std::vector<int64_t> captioned_;  // images whose captions the drawer has
  bool identified_ = false;
  int64_t drawn_ = 0, kept_ = 0;
  // Last: its tasks use the others. Pictures are written while the next are drawn.
  BackgroundTasks writing_;
};

}  // namespace draftp

#endif  // DRAFTP_ANNEAL_ANNEAL_RUN_H_
