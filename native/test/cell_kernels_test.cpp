// The loops of motion give the same on every set of instructions, to the bit, and the grid what its words say.
#include "core/cell_kernels.hpp"

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "core/cell_runs.hpp"
#include "core/luma_grid.hpp"
#include "test/check.hpp"

using namespace vedette;

namespace {

using Values = std::vector<float>;

bool isSame(const Values& a, const Values& b) { return std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0; }

struct Cells {
  Values frame, expected, limit, background, deviation, candidate, former, since, restSeconds;
  std::vector<std::uint8_t> watched, levels;

  /// Near each other now and then, so that every condition is met both ways.
  Cells(std::size_t count, std::mt19937& random) : watched(count), levels(count) {
    const auto fill = [&](Values& values, auto from) {
      for (std::size_t i = 0; i < count; ++i) values.push_back(from(i));
    };
    const auto unit = [&] { return static_cast<float>(random() % 1000) / 1000; };
    fill(frame, [&](std::size_t) { return 255 * unit(); });
    for (Values* values : {&expected, &background, &candidate, &former}) {
      fill(*values, [&](std::size_t i) { return random() % 3 == 0 ? 255 * unit() : frame[i] + 12 * unit() - 6; });
    }
    fill(limit, [&](std::size_t) { return 10 * unit(); });
    fill(deviation, [&](std::size_t) { return 4 * unit(); });
    fill(since, [&](std::size_t) { return random() % 2 == 0 ? 0 : 100 * unit(); });
    fill(restSeconds, [&](std::size_t) { return 22 * unit(); });
    for (auto& each : watched) each = random() % 4 != 0;
  }
};

std::vector<const CellKernels*> kernels() {
  std::vector<const CellKernels*> found{&kPlainCells};
  if (&cellKernels() != &kPlainCells) found.push_back(&cellKernels());
  return found;
}

void judgedAlike() {
  std::mt19937 random(1);
  for (std::size_t count = 1; count < 200; count += 1 + count / 9) {
    for (const float trust : {0.0f, 1.0f}) {
      const Cells given(count, random);
      std::vector<Cells> results;
      std::vector<int> moving;
      for (const auto* kernel : kernels()) {
        Cells& c = results.emplace_back(given);
        moving.push_back(kernel->judge({c.frame, c.background, c.deviation, c.watched, c.limit, c.levels}, 6, 3, 1.5f, trust));
      }
      int beyond = 0;
      for (std::size_t i = 0; i < count; ++i) {
        const float most = std::max(6.0f, 3 * given.deviation[i]) + trust * given.limit[i];
        const float difference = std::fabs(given.frame[i] - given.background[i]);
        const int level = given.watched[i] == 0 ? 0 : (difference > most) + (difference > most * 1.5f);
        CHECK(results[0].levels[i] == level && results[0].limit[i] == most);
        beyond += level > 0;
      }
      CHECK(moving[0] == beyond);
      for (std::size_t k = 1; k < results.size(); ++k) {
        CHECK(moving[k] == moving[0] && results[k].levels == results[0].levels && isSame(results[k].limit, results[0].limit));
      }
    }
  }
}

void learntAlike() {
  std::mt19937 random(2);
  for (std::size_t count = 1; count < 300; count += 1 + count / 9) {
    for (const bool isExpected : {false, true}) {
      const Cells given(count, random);
      std::vector<Cells> results;
      for (const auto* kernel : kernels()) {
        Cells& c = results.emplace_back(given);
        const std::span<const float> expected = isExpected ? std::span<const float>(c.expected) : std::span<const float>{};
        kernel->learn({c.frame, expected, c.limit, c.background, c.deviation, c.candidate, c.former, c.since, c.restSeconds},
                      {.towards = 0.02f, .noisier = 0.01f, .seconds = 0.1f, .fade = 20, .uncover = 1, .first = 5, .now = 90, .loudest = 6});
      }
      for (std::size_t i = 0; i < count; ++i) {
        const bool isStill = std::fabs(given.frame[i] - (isExpected ? given.expected : given.background)[i]) <= given.limit[i];
        CHECK(!isStill || results[0].restSeconds[i] == 0);
        CHECK(results[0].since[i] > 0 || results[0].former[i] == results[0].background[i]);
        CHECK(isStill || results[0].deviation[i] == given.deviation[i]);
      }
      for (std::size_t k = 1; k < results.size(); ++k) {
        const Cells &a = results[0], &b = results[k];
        CHECK(isSame(a.background, b.background) && isSame(a.deviation, b.deviation) && isSame(a.candidate, b.candidate));
        CHECK(isSame(a.former, b.former) && isSame(a.since, b.since) && isSame(a.restSeconds, b.restSeconds));
      }
    }
  }
}

/// Against the same sum, cell by cell; and the edge of the picture is never passed (sanitizers see to that).
void misfitsAlike() {
  std::mt19937 random(3);
  for (const auto& [width, height] : {std::pair{26, 11}, {160, 90}, {90, 160}, {160, 24}, {25, 90}, {160, 10}}) {
    const GridShape shape{width, height, 1};
    Values frame, other;
    for (std::size_t i = 0; i < shape.cells(); ++i) {
      frame.push_back(static_cast<float>(random() % 256));
      other.push_back(static_cast<float>(random() % 256));
    }
    std::vector<std::uint8_t> watched(shape.cells());
    for (auto& each : watched) each = random() % 3 != 0;
    CellRuns runs;
    runs.reserve(shape);
    runs.take(frame, watched);
    CHECK(runs.runs().empty() == (width < 26 || height < 11));
    for (const auto& [x, y] : {std::pair{0.0f, 0.0f}, {4.0f, -4.0f}, {-4.875f, 4.875f}, {4.875f, -4.875f}, {0.5f, -0.25f}}) {
      for (const std::size_t stride : {1u, 2u}) {
        const auto columns = static_cast<std::size_t>(width);
        const float wholeX = std::floor(-x), wholeY = std::floor(-y);
        const CellShift shift{static_cast<std::ptrdiff_t>(wholeY) * width + static_cast<std::ptrdiff_t>(wholeX), -x - wholeX, -y - wholeY};
        double expected = 0;
        for (std::size_t r = 0; r < runs.runs().size(); r += stride) {
          for (std::size_t j = 0; j < kRunCells; ++j) {
            const CellRun& run = runs.runs()[r];
            const float* at = other.data() + static_cast<std::ptrdiff_t>(run.cell + j) + shift.whole;
            const auto right = static_cast<double>(shift.right), down = static_cast<double>(shift.down);
            // What lies to the right of a whole shift may be beyond the picture.
            const auto row = [&](const float* from) { return static_cast<double>(from[0]) + (right > 0 ? right * static_cast<double>(from[1] - from[0]) : 0); };
            const double found = row(at) + (down > 0 ? down * (row(at + columns) - row(at)) : 0);
            expected += static_cast<double>(run.weight[j]) * std::min(std::fabs(static_cast<double>(run.value[j]) - 3 - found), 24.0);
          }
        }
        const float plain = kPlainCells.misfit(runs.runs(), stride, other.data(), columns, shift, 3, 24);
        CHECK(std::fabs(static_cast<double>(plain) - expected) <= 1e-4 * expected);
        for (const auto* kernel : kernels()) CHECK(kernel->misfit(runs.runs(), stride, other.data(), columns, shift, 3, 24) == plain);
      }
    }
  }
}

/// Rows rounded to their mean two by two, then the mean of the bytes that count: of whole cells, where a run holds one.
void gridIsTheMean() {
  std::mt19937 random(4);
  for (const auto& [width, height] : {std::pair{1920, 1080}, {768, 576}, {641, 359}, {323, 162}, {9, 5}, {3, 1}}) {
    const auto stride = static_cast<std::size_t>(width + 5);
    std::vector<std::uint8_t> pixels(stride * static_cast<std::size_t>(height));
    for (auto& pixel : pixels) pixel = static_cast<std::uint8_t>(random());
    Picture picture{PixelFormat::GRAY8, width, height, {}, {}, true, usualMatrix(height)};
    picture.planes[0] = pixels.data();
    picture.strides[0] = static_cast<std::ptrdiff_t>(stride);
    LumaGrid grid(PixelFormat::GRAY8, width, height);
    Values cells(grid.shape().cells());
    grid.sample(picture, cells);
    const auto& [columns, rows, cell] = grid.shape();
    const int taken = cell > 8 ? 2 : 4;
    for (int y = 0; y < rows; ++y) {
      const int tall = std::min(cell, height - y * cell);
      for (int x = 0; x < columns; ++x) {
        const int wide = std::min(cell, width - x * cell);
        float sum = 0;
        for (int i = 0; i < wide; ++i) {
          const auto at = [&](int k) {
            const int line = y * cell + (2 * k + 1) * tall / (2 * taken);
            return static_cast<int>(pixels[static_cast<std::size_t>(line) * stride + static_cast<std::size_t>(x * cell + i)]);
          };
          const int upper = (at(0) + at(1) + 1) / 2;
          sum += static_cast<float>(taken == 2 ? upper : (upper + (at(2) + at(3) + 1) / 2 + 1) / 2);
        }
        CHECK(std::fabs(cells[static_cast<std::size_t>(y * columns + x)] - sum / static_cast<float>(wide)) < 1e-3f);
      }
    }
  }
}

}  // namespace

int main() {
  return vedette::test::run({
      {"cells are judged alike", judgedAlike},
      {"cells learn alike", learntAlike},
      {"misfits are alike", misfitsAlike},
      {"the grid holds means", gridIsTheMean},
  });
}
