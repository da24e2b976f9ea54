// The real program against mistakes: exit code, one line, nothing left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <ostream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "draftp/io/test_files.h"
#include "tools/program.h"

namespace draftp {
namespace {

namespace fs = std::filesystem;

using testing::Contents;
using ::testing::HasSubstr;
using testing::Program;
using ::testing::StartsWith;
using testing::TemporaryFolder;
using Words = std::vector<std::string>;

constexpr char kAnneal[] = "tools/anneal";

// `count` float16 of any value for each (name, rows, columns).
struct HalfTensor {
  std::string name;
  int rows, columns;
  uint16_t value = 0;
};

std::string Safetensors(const std::vector<HalfTensor>& tensors) {
  std::string header = "{", data;
  for (const HalfTensor& tensor : tensors) {
    const size_t begin = data.size();
    for (int i = 0; i < tensor.rows * tensor.columns; ++i) {
      data += {static_cast<char>(tensor.value & 255), static_cast<char>(tensor.value >> 8)};
    }
    header += (header.size() > 1 ? ",\"" : "\"") + tensor.name + R"(":{"dtype":"F16","shape":[)" +
              std::to_string(tensor.rows) + "," + std::to_string(tensor.columns) +
              R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(data.size()) +
              "]}";
  }
  header += "}";
  std::string length;
  for (size_t size = header.size(), i = 0; i < 8; ++i, size >>= 8)
    length += static_cast<char>(size & 255);
  return length + header + data;
}

// A layer of the embedded model that a LoRA may have, [96,96].
constexpr char kLayer[] = "unet.down_blocks.1.attentions.0.transformer_blocks.0.attn1.to_k.lora_";

// "@" in an argument becomes the folder with these files.
void WriteFiles(const TemporaryFolder& folder) {
  folder.Write("empty.txt", "");
  folder.Write("blank.txt", "\xEF\xBB\xBF\n \t\r\n");
  folder.Write("latin1.txt", "a star\ngr\xFCn\n");
  folder.Write("utf16.txt", std::string("\xFF\xFE"
                                        "a\0",
                                        4));
  folder.Write("null.txt", std::string("a\0b\n", 4));
  folder.Write("long_line.txt", std::string(300'000, 'a'));
  std::ofstream(folder / "gigabyte.txt").put('a');
  fs::resize_file(folder / "gigabyte.txt", uintmax_t{1} << 30);  // sparse
  folder.Write("bad.yaml", "steps: [\n");
  folder.Write("typo.json", R"({"stpes": 3})");
  folder.Write("cut.safetensors", "12345");
  const std::string layer = kLayer;
  folder.Write("half.safetensors", Safetensors({{layer + "A.weight", 4, 96}}));
  folder.Write("other_size.safetensors",
               Safetensors({{layer + "A.weight", 4, 640}, {layer + "B.weight", 640, 4}}));
  folder.Write("other_layer.safetensors",
               Safetensors({{"unet.down_blocks.2.attentions.9.proj_in.lora_A.weight", 4, 96},
                            {"unet.down_blocks.2.attentions.9.proj_in.lora_B.weight", 96, 4}}));
  folder.Write("text.safetensors",
               Safetensors({{"text_encoder.layers.0.fc1.lora_A.weight", 4, 96}}));
  folder.Write("nan.safetensors", Safetensors({{layer + "A.weight", 4, 96, 0x7E00},
                                               {layer + "B.weight", 96, 4, 0x3C00}}));
  fs::create_directory(folder / "folder");
}

struct Mistake {
  const char* name;
  Words arguments;
  int code;
  Words words;  // that the line has
};

void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.name; }

const std::vector<Mistake>& Mistakes() {
  static const auto* const mistakes = new std::vector<Mistake>{
      {"PowerWithoutNumber",
       {"--weight_type=power_"},
       2,
       {"--weight_type", "\"power_\"", "power_p"}},
      {"StepOfNoNumber", {"--weight_type=step_x"}, 2, {"--weight_type", "\"x\"", "step_f"}},
      {"StepBelow", {"--weight_type=step_-1"}, 2, {"--weight_type", "-1, expected 0 <= f <= 1"}},
      {"StepAbove", {"--weight_type=step_2"}, 2, {"--weight_type", "2, expected 0 <= f <= 1"}},
      {"UnknownType", {"--weight_type=cubic"}, 2, {"\"cubic\"", "valid forms: base, draft"}},
      {"NanType", {"--weight_type=nan"}, 2, {"\"nan\"", "valid forms"}},
      {"TypeTwice", {"--weight_type=base,base"}, 2, {"--weight_type", "the same weight type"}},
      {"NoType", {"--weight_type="}, 2, {"--weight_type: found no value"}},
      {"TypeTooLongForAFolder",
       {"--weight_type=table(0.5" + std::string(300, '0') + ",1)"},
       2,
       {"--weight_type", "expected at most 200"}},
      {"NoSteps", {"--steps=0"}, 2, {"--steps: found \"0\", expected an integer from 1"}},
      {"NegativeSteps", {"--steps", "-3"}, 2, {"--steps: found \"-3\""}},
      {"MoreStepsThanLevels", {"--steps=1001"}, 2, {"--steps: found 1001, expected at most 1000"}},
      {"SizeNoMultiple", {"--height=100"}, 2, {"--height: found 100, expected a multiple of 8"}},
      {"NegativeSize", {"--width=-8"}, 2, {"--width: found \"-8\", expected an integer from 0"}},
      {"HugeSize", {"--height=1000000"}, 2, {"--height", "from 0 to 8192"}},
      {"GuidanceNan", {"--guidance_scale=nan"}, 2, {"--guidance_scale: found \"nan\""}},
      {"GuidanceInf", {"--guidance_scale=inf"}, 2, {"--guidance_scale: found \"inf\""}},
      {"SeedPast64Bits",
       {"--seed=18446744073709551616"},
       2,
       {"--seed", "from 0 to 18446744073709551615"}},
      {"NegativeSeed", {"--seed=-1"}, 2, {"--seed: found \"-1\""}},
      {"NoBatch", {"--batch_size=0"}, 2, {"--batch_size: found \"0\""}},
      {"HugeBatch", {"--batch_size=1000000"}, 2, {"--batch_size", "from 1 to 1024"}},
      {"TooManyImages",
       {"--images_per_prompt=1000000"},
       2,
       {"--images_per_prompt", "of 8 prompts, expected at most 125000"}},
      {"NoSuchGpu", {"--device=cuda:99"}, 2, {"--device: found \"cuda:99\", expected c"}},
      {"NegativeGpu", {"--device=cuda:-1"}, 2, {"--device", "expected auto, cpu, cuda or cuda:i"}},
      {"GpuOfNoNumber", {"--device=cuda:x"}, 2, {"--device", "expected auto, cpu, cuda or cuda:i"}},
      {"UnknownFlag", {"--stpes=3"}, 2, {"--stpes: found an unknown flag", "is --steps"}},
      {"LorasAndWeightType",
       {"--lora=3:linear", "--lora=4", "--weight_type=base"},
       2,
       {"--weight_type: found it beside --lora with weights of their own"}},
      {"TypeOfMoreAdapters",
       {"--weight_type=contrast(1)"},
       2,
       {"--weight_type: found \"contrast(1)\" with 1 adapter, expected 2 adapters"}},
      {"ProbabilitiesAboveOne",
       {"--weight_type=draw(0.6,0.6)"},
       2,
       {"--weight_type", "the probabilities of draw add up to 1.2, expected at most 1"}},
      {"WeightOfALoraThatMeansNone",
       {"--lora=testdata/tiny_sdxl/lora:lineal"},
       2,
       {"--lora: behind ", "tiny_sdxl/lora: weight type \"lineal\": unknown name"}},
      {"FarFromEveryFlag", {"--banana"}, 2, {"--banana: found an unknown flag; --help_all lists"}},
      {"AnothersFlag", {"--num_inference_steps=3"}, 2, {"did you mean --steps?"}},
      {"FlagWithoutValue", {"--seed"}, 2, {"--seed"}},
      {"EmptyPath", {"--model="}, 2, {"--model: found no value"}},
      {"EmptyPrompt", {"--prompt="}, 2, {"--prompt: found no value"}},
      {"PromptNotUtf8", {"--prompt=\xFF"}, 2, {"--prompt: found \"\\xff\""}},
      {"ControlCharacterInAPath", {"--lora=a\x1b[2J"}, 2, {"--lora: found \"a\\x1b[2J\""}},
      {"StrayWord", {"base"}, 2, {"found the argument \"base\""}},
      {"LoraAndTuned", {"--lora=@", "--tuned=@"}, 2, {"--tuned: found it beside --lora"}},
      {"ModelWithoutAdapter",
       {"--model=@/folder", "--prompt=a"},
       2,
       {"--weight_type: found \"draft\" without a fine-tuned model"}},
      {"ModelWithoutPrompt",
       {"--model=@/folder", "--weight_type=base"},
       2,
       {"--prompt: found none"}},
      {"ConfigAbsent", {"--config=@/absent.yaml"}, 1, {"absent.yaml: can't read"}},
      {"ConfigMalformed", {"--config=@/bad.yaml"}, 2, {"bad.yaml:", "expected valid YAML"}},
      {"ConfigTypo", {"--config=@/typo.json"}, 2, {"typo.json", "stpes", "steps"}},
      {"PromptsAbsent", {"--prompts=@/absent"}, 1, {"absent: can't read: No such file"}},
      {"PromptsEmpty", {"--prompts=@/empty.txt"}, 1, {"empty.txt: found no caption"}},
      {"PromptsBlank", {"--prompts=@/blank.txt"}, 1, {"blank.txt"}},
      {"PromptsLatin1", {"--prompts=@/latin1.txt"}, 1, {"line 2: found \"gr\\xfcn\""}},
      {"PromptsUtf16", {"--prompts=@/utf16.txt"}, 1, {"line 1", "expected UTF-8"}},
      {"PromptsWithNull", {"--prompts=@/null.txt"}, 1, {"line 1", "without null characters"}},
      {"PromptsLongLine", {"--prompts=@/long_line.txt"}, 1, {"caption of 300000 bytes"}},
      {"PromptsGigabyte", {"--prompts=@/gigabyte.txt"}, 1, {"more than 268435456 bytes"}},
      {"PromptsEndless", {"--prompts=/dev/zero"}, 1, {"/dev/zero: found a special file"}},
      {"PromptsFolder", {"--prompts=@/folder"}, 1, {"folder: found a folder without captions"}},
      {"ModelAbsent",
       {"--model=@/folder", "--weight_type=base", "--prompt=a"},
       1,
       {"folder/model_index.json: can't read"}},
      {"LoraAbsent", {"--lora=@/absent"}, 1, {"absent"}},
      {"LoraCut", {"--lora=@/cut.safetensors"}, 1, {"cut.safetensors"}},
      {"LoraHalf", {"--lora=@/half.safetensors"}, 1, {"half.safetensors", kLayer}},
      {"LoraOfAnotherSize",
       {"--lora=@/other_size.safetensors"},
       1,
       {"other_size.safetensors", "[4,640]", "[4,96]"}},
      {"LoraOfAnotherModel",
       {"--lora=@/other_layer.safetensors"},
       1,
       {"other_layer.safetensors: unet.down_blocks.2.attentions.9.proj_in.lora_A.weight: this "
        "model's unet has no such layer"}},
      {"LoraOfATextEncoder",
       {"--lora=@/text.safetensors"},
       1,
       {"text.safetensors", "text_encoder"}},
      {"LoraOfAModelsFolder", {"--lora=testdata/tiny_sdxl/unet"}, 1, {"is no key of an adapter"}},
      {"TunedOfAnotherNetwork", {"--tuned=testdata/tiny_sdxl/vae"}, 1, {"AutoencoderKL"}},
      {"RunWithoutCheckpoint", {"--explicit_log_dir=@/folder"}, 1, {"no checkpoint found"}},
      {"OutputUnwritable",
       {"--output_dir=/proc/out"},
       1,
       {"/proc/out: ", "a folder to write into"}},
      {"OutputIsAFile", {"--output_dir=@/empty.txt"}, 1, {"empty.txt: Not a directory"}},
      {"OutputNameTooLong",
       {"--output_dir=@/a/" + std::string(256, 'n')},
       1,
       {"File name too long"}},
  };
  return *mistakes;
}

class MistakeTest : public ::testing::TestWithParam<Mistake> {
 protected:
  static void SetUpTestSuite() {
    files_ = new TemporaryFolder;
    WriteFiles(*files_);
  }
  static void TearDownTestSuite() { delete files_; }
  static TemporaryFolder* files_;
};

TemporaryFolder* MistakeTest::files_ = nullptr;

TEST_P(MistakeTest, EndsInOneLineAndLeavesNothing) {
  const TemporaryFolder printed;
  Words command = {kAnneal};
  bool has_output = false;
  for (std::string argument : GetParam().arguments) {
    if (const size_t at = argument.find('@'); at != std::string::npos)
      argument.replace(at, 1, files_->path());
    has_output |= argument.starts_with("--output_dir");
    command.push_back(argument);
  }
  if (!has_output) command.insert(command.begin() + 1, "--output_dir=" + (*files_ / "out"));
  const Words names = files_->Names();
  Program program(printed, command);
  EXPECT_EQ(program.Wait(), GetParam().code);
  const std::string line = program.error();
  EXPECT_THAT(line, StartsWith("anneal: "));
  EXPECT_EQ(line.find('\n'), line.size() - 1) << line;
  for (const std::string& words : GetParam().words) EXPECT_THAT(line, HasSubstr(words));
  EXPECT_EQ(program.out(), "");
  EXPECT_EQ(files_->Names(), names);
}

INSTANTIATE_TEST_SUITE_P(Anneal, MistakeTest, ::testing::ValuesIn(Mistakes()),
                         [](const auto& row) { return std::string(row.param.name); });

class AnnealTest : public ::testing::Test {
 protected:
  // The cheapest picture, into out().
  static Words Command(const Words& more) {
    Words command = {kAnneal, "--steps=1", "--guidance_scale=1"};
    command.insert(command.end(), more.begin(), more.end());
    return command;
  }
  std::string out() const { return fs::path(folder_ / "out").lexically_normal(); }
  std::string OutFlag() const { return "--output_dir=" + out(); }
  void WaitForRecord() const {
    for (int i = 0; i < 600 && !fs::exists(out() + "/run.json"); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    ASSERT_TRUE(fs::exists(out() + "/run.json"));
  }
  static int HiddenFiles(const std::string& dir) {
    int hidden = 0;
    for (const auto& entry : fs::recursive_directory_iterator(dir))
      hidden += entry.path().filename().string()[0] == '.';
    return hidden;
  }

  TemporaryFolder folder_;
};

// The prompt's way into caption, picture and run.json, and back: the second run finds the picture
// and draws none, which it does for equal texts alone.
TEST_F(AnnealTest, ControlCharactersOfAPromptCorruptNothing) {
  const std::string prompt = "a\n\"b\"\x01\x1b[31m\t\\c\r\n, --x '\u2028\u0085";
  {
    Program first(folder_, Command({"--weight_type=base", "--prompt=" + prompt, OutFlag()}));
    ASSERT_EQ(first.Wait(), 0) << first.error();
    EXPECT_EQ(first.error().find('\x1b'), std::string::npos);
  }
  const std::string caption = out() + "/annealed_outputs_sdxl_base/prompt_00000_00.txt";
  EXPECT_EQ(Contents(caption), prompt);
  Program second(folder_, {kAnneal, "--config=" + out() + "/run.json", "--skip_existing"});
  ASSERT_EQ(second.Wait(), 0) << second.error();
  EXPECT_EQ(Contents(caption), prompt);
  EXPECT_THAT(Contents(out() + "/run.json"), HasSubstr("\"images_drawn\": 0,"));
}

TEST_F(AnnealTest, PromptFilesOfOtherSystemsAreRead) {
  const std::string file = folder_.Write("prompts.txt",
                                         "\xEF\xBB\xBF"
                                         "a star\r\n\r\na\x1b[2Jb\r\n");
  Program run(folder_, Command({"--weight_type=base", "--prompts=" + file, OutFlag()}));
  ASSERT_EQ(run.Wait(), 0) << run.error();
  const std::string folder = out() + "/annealed_outputs_sdxl_base/";
  EXPECT_EQ(Contents(folder + "prompt_00000_00.txt"), "a star");
  EXPECT_EQ(Contents(folder + "prompt_00001_00.txt"), "a\x1b[2Jb");
}

TEST_F(AnnealTest, NotANumberInTheWeightsIsNamedAndNoPictureWritten) {
  WriteFiles(folder_);
  Program run(folder_, Command({"--weight_type=draft", "--prompt=a star", OutFlag(),
                                "--lora=" + (folder_ / "nan.safetensors")}));
  EXPECT_EQ(run.Wait(), 1);
  EXPECT_THAT(run.error(), HasSubstr("\nanneal: weight type draft: the sampled latents hold NaN"));
  EXPECT_THAT(run.error(), HasSubstr("nan.safetensors: tensor \"" + std::string(kLayer) +
                                     "A.weight\" holds NaN\n"));
  EXPECT_EQ(fs::exists(out() + "/annealed_outputs_sdxl_draft"), false);
}

TEST_F(AnnealTest, TwoRunsIntoOneFolderDoNotMix) {
  const TemporaryFolder printed;
  Program first(folder_, {kAnneal, "--weight_type=base", "--steps=1000", OutFlag()});
  WaitForRecord();
  const std::string record = Contents(out() + "/run.json");
  Program second(printed, Command({"--weight_type=linear", OutFlag()}));
  EXPECT_EQ(second.Wait(), 1);
  EXPECT_EQ(second.error(), "anneal: " + out() + ": found another run (process " +
                                std::to_string(first.process()) +
                                ") writing into it, expected one at a time\n");
  EXPECT_EQ(Contents(out() + "/run.json"), record);
  kill(first.process(), SIGTERM);
  EXPECT_EQ(first.Wait(), 143);
  EXPECT_EQ(HiddenFiles(out()), 0);
  EXPECT_FALSE(fs::exists(out() + "/annealed_outputs_sdxl_base"));  // empty: gone
}

TEST_F(AnnealTest, AKilledRunIsGoneOnWithAndTidiedUp) {
  {
    Program killed(folder_, {kAnneal, "--weight_type=base", "--steps=1000", OutFlag()});
    WaitForRecord();
    kill(killed.process(), SIGKILL);
    EXPECT_EQ(killed.Wait(), 137);
  }
  std::ofstream(out() + "/.run.json.draftp-tmp.1.2") << "{";
  std::ofstream(out() + "/annealed_outputs_sdxl_base/.img_00000_00.png.draftp-tmp.1.2") << "PNG";
  Program next(folder_, Command({"--weight_type=base", "--prompt=a star", OutFlag()}));
  EXPECT_EQ(next.Wait(), 0) << next.error();
  EXPECT_EQ(HiddenFiles(out()), 0);
}

}  // namespace
}  // namespace draftp
