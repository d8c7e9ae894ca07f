// What of the elements can be tried without a pipeline: sizes read from parameter sets, units to leave out, arrival times.
#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "gst/capture_time.hpp"
#include "gst/coded_size.hpp"
#include "gst/frame_store.hpp"
#include "gst/unit_filter.hpp"
#include "test/check.hpp"

/// GLib loses its table of names when that grows, on purpose.
extern "C" __attribute__((visibility("default"))) const char* __lsan_default_suppressions() { return "leak:libglib-2.0.so\n"; }

using namespace vedette;
using namespace vedette::gst;

namespace {

using Bytes = std::vector<std::uint8_t>;

/// Writes what the parser reads, with start code and emulation prevention.
class NalWriter {
 public:
  NalWriter& bits(std::uint64_t value, unsigned count) {
    while (count-- > 0) bits_.push_back(value >> count & 1);
    return *this;
  }

  NalWriter& code(std::uint64_t value) {
    unsigned length = 0;
    while ((value + 1) >> (length + 1) != 0) ++length;
    return bits(0, length).bits(value + 1, length + 1);
  }

  Bytes nal(Bytes header) const {
    Bytes body = std::move(header);
    for (std::size_t at = 0; at < bits_.size(); at += 8) {
      std::uint8_t byte = 0;
      for (std::size_t i = at; i < at + 8; ++i) byte = static_cast<std::uint8_t>(byte << 1 | (i < bits_.size() && bits_[i]));
      body.push_back(byte);
    }
    Bytes result{0, 0, 0, 1};
    unsigned zeros = 0;
    for (const std::uint8_t byte : body) {
      if (zeros == 2 && byte <= 3) {
        result.push_back(3);
        zeros = 0;
      }
      result.push_back(byte);
      zeros = byte == 0 ? zeros + 1 : 0;
    }
    return result;
  }

 private:
  std::vector<bool> bits_;
};

Bytes spsH264(std::uint64_t columns, std::uint64_t rows, bool fields, bool high) {
  NalWriter writer;
  writer.bits(high ? 100 : 66, 8).bits(0, 8).bits(51, 8).code(0);
  if (high) {
    writer.code(1).code(0).code(0).bits(0, 1).bits(1, 1);
    writer.bits(1, 1);
    for (int i = 0; i < 16; ++i) writer.code(0);
    writer.bits(1, 1).code(16);  // A delta of -8: the rest of this list is the default.
    for (int i = 2; i < 8; ++i) writer.bits(0, 1);
  }
  writer.code(0).code(1).bits(0, 1).code(0).code(0).code(2).code(3).code(4);
  writer.code(4).bits(0, 1).code(columns - 1).code(rows - 1).bits(fields ? 0 : 1, 1).bits(0x55, 8);
  return writer.nal({0x67});
}

Bytes spsH265(std::uint64_t width, std::uint64_t height, unsigned subLayers) {
  NalWriter writer;
  writer.bits(0, 4).bits(subLayers, 3).bits(1, 1).bits(0, 64).bits(0, 24).bits(120, 8);
  for (unsigned i = 0; i < subLayers; ++i) writer.bits(i % 2 == 0 ? 3 : 1, 2);
  if (subLayers > 0) writer.bits(0, 2 * (8 - subLayers));
  for (unsigned i = 0; i < subLayers; ++i) writer.bits(0, i % 2 == 0 ? 48 : 0).bits(0, i % 2 == 0 ? 40 : 0).bits(9, 8);
  writer.code(0).code(1).code(width).code(height).bits(0x55, 8);
  return writer.nal({0x42, 0x01});
}

bool is(const std::optional<CodedSize>& size, std::uint64_t width, std::uint64_t height) {
  return size && size->width == width && size->height == height;
}

void readsSizes() {
  CHECK(is(codedSize(spsH264(120, 68, false, false), VideoCodec::H264), 1920, 1088));
  CHECK(is(codedSize(spsH264(120, 34, true, true), VideoCodec::H264), 1920, 1088));
  CHECK(is(codedSize(spsH264(1024, 512, false, true), VideoCodec::H264), 16384, 8192));
  for (unsigned subLayers = 0; subLayers < 7; ++subLayers) {
    CHECK(is(codedSize(spsH265(3840, 2160, subLayers), VideoCodec::H265), 3840, 2160));
  }
}

void findsTheLargestAnywhere() {
  Bytes unit{0, 0, 1, 0x09, 0xf0};
  for (const auto& part : {spsH264(2, 2, false, false), Bytes{0, 0, 1, 0x65, 1, 2, 3}, spsH264(9, 3, false, true)}) {
    unit.insert(unit.end(), part.begin(), part.end());
  }
  CHECK(is(codedSize(unit, VideoCodec::H264), 144, 48));
  CHECK(!codedSize(Bytes{0, 0, 1, 0x65, 1, 2, 3, 0, 0, 1}, VideoCodec::H264));
  CHECK(!codedSize({}, VideoCodec::H265));
}

/// An access unit as h264parse gives it: delimiter, then slices whose header says whether others refer to them.
Bytes pictureH264(unsigned importance, unsigned type) {
  const auto header = static_cast<std::uint8_t>(importance << 5 | type);
  return {0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, header, 0x88, 0x80, 0, 0, 1, header, 0x88, 0x80};
}

Bytes pictureH265(unsigned type, unsigned layer) {
  const auto second = static_cast<std::uint8_t>(layer + 1);
  return {0, 0, 0, 1, 0x46, 0x01, 0x10, 0, 0, 1, static_cast<std::uint8_t>(type << 1), second, 0x88, 0x80};
}

void leavesOutWhatNobodyNeeds() {
  UnitFilter all(Decode::All);
  UnitFilter key(decodeNamed("key"));
  UnitFilter reference(decodeNamed("reference"));
  const Bytes disposable = pictureH264(0, 1);
  const Bytes needed = pictureH264(2, 1);
  CHECK(!all.leavesOut(disposable, VideoCodec::H264, false));
  CHECK(key.leavesOut(needed, VideoCodec::H264, false));
  CHECK(!key.leavesOut(pictureH264(3, 5), VideoCodec::H264, true));
  CHECK(reference.leavesOut(disposable, VideoCodec::H264, false));
  CHECK(!reference.leavesOut(needed, VideoCodec::H264, false));
  CHECK(!reference.leavesOut({}, VideoCodec::H264, false));
  CHECK(decodeNamed("nothing") == Decode::All);
}

void keepsWhatUpperLayersNeed() {
  UnitFilter filter(Decode::Reference);
  CHECK(!filter.leavesOut(pictureH265(19, 0), VideoCodec::H265, true));
  CHECK(!filter.leavesOut(pictureH265(1, 0), VideoCodec::H265, false));
  CHECK(filter.leavesOut(pictureH265(0, 0), VideoCodec::H265, false));
  CHECK(filter.leavesOut(pictureH265(0, 1), VideoCodec::H265, false));
  CHECK(!filter.leavesOut(pictureH265(0, 0), VideoCodec::H265, false));
  CHECK(!filter.leavesOut(pictureH265(3, 1), VideoCodec::H265, false));
}

/// Run under the sanitizers: whatever a camera sends, nothing is read out of bounds and nothing takes long.
void survivesNoise() {
  std::mt19937 random(7);
  for (int round = 0; round < 20'000; ++round) {
    Bytes unit = round % 2 == 0 ? spsH264(120, 68, false, true) : spsH265(3840, 2160, 3);
    for (int change = 0; change < round % 5; ++change) unit[random() % unit.size()] = static_cast<std::uint8_t>(random());
    unit.resize(random() % (unit.size() + 1));
    codedSize(unit, VideoCodec::H264);
    codedSize(unit, VideoCodec::H265);
    UnitFilter filter(Decode::Reference);
    filter.leavesOut(unit, VideoCodec::H264, false);
    filter.leavesOut(unit, VideoCodec::H265, false);
  }
}

void arrivalIgnoresJitter() {
  ArrivalFilter filter;
  std::mt19937 random(7);
  double worst = 0;
  for (int frame = 0; frame < 5000; ++frame) {
    const double stamp = frame * 40.0;
    const double delay = frame % 50 == 0 ? 0 : static_cast<double>(random() % 200);
    const double now = 1e6 + stamp * 1.0001 + delay;  // 100 ppm of drift
    const double arrival = filter.arrivalMs(now, stamp);
    CHECK(arrival <= now + 1e-6);
    if (frame > 50) worst = std::max(worst, std::abs(arrival - (1e6 + stamp * 1.0001)));
  }
  CHECK(worst < 3);
}

void arrivalFollowsAJump() {
  ArrivalFilter filter;
  filter.arrivalMs(1000, 0);
  CHECK(filter.arrivalMs(1040, 3'600'000) == 1040);
  CHECK(filter.arrivalMs(1080, 3'600'040) == 1080);
  CHECK(filter.arrivalMs(1120, 0) == 1120);
}

constexpr std::int64_t kMs = 1'000'000;

/// A store that is given frames of one buffer, 40 ms apart.
class Stream {
 public:
  explicit Stream(int everyMs) {
    gst_video_info_set_format(&info_, GST_VIDEO_FORMAT_GRAY8, 16, 16);
    store.setTell([this](const Notice& notice) {
      if (hasRoom) told = notice;
      return hasRoom;
    });
    store.setNoticeEvery(std::chrono::milliseconds(everyMs));
  }
  ~Stream() { gst_buffer_unref(buffer_); }

  void push(float moves) {
    MotionReading motion;
    motion.verdict = MotionVerdict::Measured;
    motion.score = moves;
    motion.count = moves > 0 ? 1 : 0;
    motion.boxes[0] = {0, 0, static_cast<double>(moves), 1};
    store.push(buffer_, info_, static_cast<GstClockTime>(pushed_++ * 40 * kMs), {}, motion);
  }

  FrameStore store;
  bool hasRoom = true;
  std::optional<Notice> told;

 private:
  GstBuffer* buffer_ = gst_buffer_new();
  GstVideoInfo info_;
  int pushed_ = 0;
};

void carriesMotionOver() {
  Stream stream(200);
  std::mt19937 random(7);
  float missed = 0;
  std::uint64_t told = 0;
  for (int frame = 1; frame <= 3000; ++frame) {
    const float moves = random() % 6 == 0 ? 0.125F : 0;
    missed = std::max(missed, moves);
    stream.push(moves);
    const auto notice = std::exchange(stream.told, std::nullopt);
    if (!notice) continue;
    CHECK(notice->sequence == static_cast<std::uint64_t>(frame));
    CHECK(notice->motion.score == missed && notice->motion.count == (missed > 0 ? 1U : 0U));
    missed = 0;
    ++told;
  }
  CHECK(told >= 599 && told <= 602);
}

void tellsLaterWhatFoundNoRoom() {
  Stream stream(0);
  stream.hasRoom = false;
  stream.push(0.5);
  for (int frame = 0; frame < 3; ++frame) stream.push(0);
  CHECK(!stream.told);
  stream.hasRoom = true;
  stream.push(0);
  CHECK(stream.told->sequence == 5 && stream.told->ptsNs == 160 * kMs && stream.told->motion.score == 0.5F);
  stream.push(0);
  CHECK(stream.told->sequence == 6 && stream.told->motion.score == 0 && stream.store.sequence() == 6);
}

void givesTheNewestOnce() {
  Stream stream(400);
  for (int frame = 0; frame < 4; ++frame) stream.push(0);
  CHECK(!stream.store.findNewest(5));
  const auto newest = stream.store.findNewest(1);
  CHECK(newest && newest->sequence() == 4 && newest->ptsNs() == 120 * kMs);
  CHECK(!stream.store.findNewest(4));
  stream.push(0);
  CHECK(stream.store.findNewest(4)->sequence() == 5);
}

void holdsWhatItToldOf() {
  Stream stream(400);
  for (std::uint64_t frame = 1; frame <= 40; ++frame) {
    stream.push(0);
    // The first two are both told of.
    for (std::uint64_t held = 1; frame > 2 && held <= frame; ++held) {
      CHECK(stream.store.find(held).has_value() == (held == stream.told->sequence || held == frame));
    }
  }
  CHECK(stream.told->sequence > 30 && stream.told->sequence < 40);
  stream.store.clear();
  CHECK(!stream.store.find(40) && !stream.store.find(stream.told->sequence));
}

void holdsFewWhereFewAreToldOf() {
  Stream all(0);
  Stream few(400);
  for (int frame = 0; frame < 9; ++frame) {
    all.push(0);
    few.push(0);
  }
  CHECK(all.store.find(7) && !all.store.find(6));
  CHECK(few.store.find(9) && !few.store.find(8));
  few.store.setNoticeEvery(std::chrono::nanoseconds(0));
  for (int frame = 0; frame < 4; ++frame) few.push(0);
  CHECK(few.store.find(11) && few.store.find(13));
}

void letsPrintedFramesGo() {
  Stream stream(0);
  for (std::uint64_t frame = 1; frame <= 3; ++frame) {
    stream.push(0);
    stream.store.taken(*stream.store.find(frame), 0);
  }
  for (int frame = 0; frame < 3; ++frame) stream.push(0);
  CHECK(stream.store.find(1) && stream.store.find(2) && stream.store.find(3));
  stream.store.taken(*stream.store.find(6), 3);
  CHECK(!stream.store.find(2) && stream.store.find(3) && stream.store.find(6));
}

}  // namespace

int main() {
  gst_init(nullptr, nullptr);
  return vedette::test::run({
      {"reads the coded size of H.264 and H.265", readsSizes},
      {"finds the largest of all parameter sets", findsTheLargestAnywhere},
      {"leaves out what no picture refers to", leavesOutWhatNobodyNeeds},
      {"keeps what upper layers may need", keepsWhatUpperLayersNeed},
      {"survives noise", survivesNoise},
      {"arrival times ignore jitter and follow drift", arrivalIgnoresJitter},
      {"arrival times follow a jump of the time stamps", arrivalFollowsAJump},
      {"notices carry the motion of frames that are not told of", carriesMotionOver},
      {"motion that found no room is told with a later frame", tellsLaterWhatFoundNoRoom},
      {"the newest frame is given once", givesTheNewestOnce},
      {"the frame told of last is held", holdsWhatItToldOf},
      {"few are held where few are told of", holdsFewWhereFewAreToldOf},
      {"printed frames are held while they are needed", letsPrintedFramesGo},
  });
}
