// An evaluation as one might be: ten points of three families and the base model (tests only).
#ifndef DRAFTP_REPORT_TEST_EVALUATION_H_
#define DRAFTP_REPORT_TEST_EVALUATION_H_

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "draftp/report/evaluation_page.h"
#include "draftp/report/thumbnail.h"

namespace draftp::testing {

// A disc of `hue` (0 to 1) that grows and moves with `weight`, on a ground by `noise`.
inline RgbImage DrawnDisc(int side, double hue, double weight, int noise) {
  RgbImage image = FilledImage(side, side, 0, 0, 0);
  const double x0 = side * (0.3 + 0.4 * ((noise * 37) % 11) / 11.0 * (1.1 - weight));
  const double y0 = side * (0.3 + 0.4 * ((noise * 53) % 7) / 7.0);
  const double radius = side * (0.16 + 0.12 * weight);
  for (int y = 0; y < side; ++y) {
    for (int x = 0; x < side; ++x) {
      const bool in = std::hypot(x - x0, y - y0) < radius;
      for (int c = 0; c < 3; ++c) {
        const double wave = 0.5 + 0.5 * std::cos(6.2832 * (hue + c / 3.0 + noise * 0.02));
        const double ground = 0.82 - 0.25 * y / side + 0.03 * ((noise + c) % 3);
        image.pixels[static_cast<size_t>((y * side + x) * 3 + c)] =
            static_cast<uint8_t>(255 * (in ? wave * (0.6 + 0.4 * weight) : ground));
      }
    }
  }
  return image;
}

inline PagePoint ExamplePoint(const std::string& name, const std::string& family, double parameter,
                              double weight, double reward, double diversity) {
  PagePoint point{.name = name, .family = family, .parameter = parameter};
  point.rewards = {{"PickScore", reward, reward - 0.11, reward + 0.12},
                   {"HPSv2", 0.27 + 0.01 * weight - 0.008 * weight * weight, 0.26, 0.285}};
  point.diversity = {"diversity", diversity, diversity - 0.0024, diversity + 0.0026};
  point.numbers = {{"vendi", 9.2 - 3 * weight}, {"frechet_distance", 14.5 * weight},
                   {"cmmd", 0.41 * weight},     {"recall", 0.93 - 0.4 * weight},
                   {"precision", 0.9},          {"win_rate", 0.5 + 0.35 * weight}};
  return point;
}

// `prompts` x `per_prompt` pictures a point.
inline EvaluationPage ExampleEvaluation(int prompts = 6, int per_prompt = 4) {
  EvaluationPage page{.title = "Reward and diversity: tiny_sdxl with its LoRA",
                      .summary =
                          "11 points, 6 prompts, 10 steps of dpmpp_2m. The point with the "
                          "most reward at no less than 90% of the base's diversity is "
                          "step_0.6."};
  const std::vector<std::string> texts = {"a red circle on white",
                                          "two blue squares, one above the other",
                                          "a photograph of a lighthouse at dusk, long exposure",
                                          "a green triangle",
                                          "a corgi reading a newspaper in a café",
                                          "an empty street after rain"};
  for (int i = 0; i < prompts; ++i) page.prompts.push_back(texts[i % 6]);
  page.points.push_back(ExamplePoint("base", "base", NAN, 0, 30.62, 0.0641));
  page.points.back().is_base = page.points.back().pareto = true;
  for (const double w : {0.2, 0.4, 0.6, 0.8, 1.0}) {
    page.points.push_back(ExamplePoint("LoRA scale " + std::to_string(w).substr(0, 3), "LoRA scale",
                                       w, w, 30.6 + 1.4 * w - 0.35 * w * w, 0.064 - 0.0125 * w));
  }
  for (const double w : {0.4, 0.6, 0.8}) {
    page.points.push_back(ExamplePoint("step_" + std::to_string(w).substr(0, 3), "step", w, w,
                                       30.75 + 1.32 * w, 0.0646 - 0.0118 * w));
    page.points.back().pareto = true;
  }
  page.points.push_back(ExamplePoint("linear", "smooth", NAN, 0.5, 31.35, 0.0601));
  page.points.back().pareto = true;
  page.points.push_back(ExamplePoint("square", "smooth", NAN, 0.3, 31.02, 0.0593));
  page.points.back().numbers.pop_back();
  for (PagePoint& point : page.points) {
    const double weight = std::isnan(point.parameter) ? 0.5 : point.parameter;
    point.images = prompts * per_prompt;
    for (int prompt = 0; prompt < prompts; ++prompt) {
      for (int i = 0; i < per_prompt; ++i) {
        PagePicture picture{.prompt = prompt, .image = i};
        picture.original =
            point.name + "/img_0000" + std::to_string(prompt) + "_0" + std::to_string(i) + ".png";
        picture.score = point.rewards[0].mean + 0.2 * std::sin(prompt * 5 + i * 3 + weight);
        picture.thumbnail =
            *Thumbnail(DrawnDisc(128, prompt / 6.0, point.is_base ? 0 : weight, prompt * 4 + i));
        point.pictures.push_back(picture);
      }
    }
  }
  page.warnings = {"square: recall needs at least 50 images, found 24"};
  page.settings = {{"model", "embedded"}, {"steps", "10"}, {"seed", "42"}};
  page.explained = {{"diversity",
                     "1 minus the mean cosine between CLIP embeddings of two images of "
                     "one prompt (the AIG paper's)."},
                    {"vendi",
                     "The Vendi score: the number of images that differ, by the spectrum "
                     "of their similarities."},
                    {"cmmd", "Distance to the base's images: MMD on CLIP embeddings."}};
  return page;
}

}  // namespace draftp::testing

#endif  // DRAFTP_REPORT_TEST_EVALUATION_H_
