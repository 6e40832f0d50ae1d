// Checks of the ring port's logic, one per name; run as `ring_core_test NAME`, `--list` names them.
#include "playout.hpp"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace {

using trunkline::Clip;
using trunkline::PairRing;
using trunkline::Playout;
using trunkline::RingCore;
using trunkline::Sample;

constexpr unsigned kRate = 16000;
constexpr size_t kFrame = 320;  // 20 ms
constexpr size_t kFade = 80;    // 5 ms

#define REQUIRE(condition)                                                                  \
    do {                                                                                    \
        if (!(condition)) {                                                                 \
            std::fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
            std::exit(1);                                                                   \
        }                                                                                   \
    } while (0)

using Frame = std::vector<Sample>;

// Speech whose every sample is known by its position; loud, so that noise cannot be mistaken for it.
Sample speech(size_t position) { return static_cast<Sample>(10000 + position % 5000); }

struct Line {
    Playout playout{kRate, kFrame, 64 * kFrame, 7};
    size_t position = 0;

    size_t write(size_t samples) {
        Frame pcm(samples);
        for (size_t i = 0; i < samples; ++i) pcm[i] = speech(position + i);
        const size_t accepted = playout.write(pcm.data(), samples);
        position += accepted;
        REQUIRE(playout.played() + playout.flushed() + playout.queued() <= position);
        return accepted;
    }
    Frame tick() {
        Frame frame(kFrame);
        playout.next_frame(frame.data());
        REQUIRE(playout.played() + playout.flushed() + playout.queued() == position);
        return frame;
    }
};

bool is_speech(const Frame &frame, size_t from, size_t count, size_t position) {
    for (size_t i = 0; i < count; ++i)
        if (frame[from + i] != speech(position + i)) return false;
    return true;
}
bool is_noise(const Frame &frame, size_t from) {
    for (size_t i = from; i < frame.size(); ++i)
        if (std::abs(frame[i]) > 200) return false;
    return true;
}
int largest_step(const Frame &frame, Sample before) {
    int largest = 0;
    for (Sample sample : frame) {
        largest = std::max(largest, std::abs(sample - before));
        before = sample;
    }
    return largest;
}

void written_samples_play_once_and_in_order() {
    Line line;
    line.write(10 * kFrame);
    for (size_t i = 0; i < 10; ++i) REQUIRE(is_speech(line.tick(), 0, kFrame, i * kFrame));
    REQUIRE(line.playout.played() == 10 * kFrame && line.playout.queued() == 0);
    REQUIRE(is_noise(line.tick(), kFrame / 10));
}

void writes_beyond_the_bound_are_refused_not_lost() {
    Line line;
    REQUIRE(line.write(100 * kFrame) == 64 * kFrame);
    REQUIRE(line.write(1) == 0 && line.playout.room() == 0);
    for (size_t i = 0; i < 40; ++i) REQUIRE(is_speech(line.tick(), 0, kFrame, i * kFrame));
    REQUIRE(line.write(100 * kFrame) == 40 * kFrame);  // wraps round
    for (size_t i = 40; i < 104; ++i) REQUIRE(is_speech(line.tick(), 0, kFrame, i * kFrame));
}

void pause_consumes_one_fade_and_resume_continues_at_the_next_sample() {
    Line line;
    line.write(20 * kFrame);
    line.tick();
    line.playout.pause(5);
    const Frame fading = line.tick();
    REQUIRE(line.playout.played() == kFrame + kFade);
    REQUIRE(fading[0] > 9000 && fading[kFade / 2] < fading[0] * 6 / 10 && fading[kFade - 1] == 0);
    REQUIRE(largest_step(fading, speech(kFrame - 1)) < 400);
    REQUIRE(is_noise(fading, kFade));
    for (int i = 0; i < 50; ++i) REQUIRE(is_noise(line.tick(), 0));
    REQUIRE(line.playout.played() == kFrame + kFade);
    line.playout.resume(5);
    const Frame rising = line.tick();
    REQUIRE(rising[0] > 0 && rising[0] < 500);
    REQUIRE(largest_step(rising, 0) < 400);
    REQUIRE(is_speech(rising, kFade, kFrame - kFade, kFrame + 2 * kFade));
    REQUIRE(is_speech(line.tick(), 0, kFrame, 2 * kFrame + kFade));
}

void pause_never_consumes_more_than_one_frame() {
    Line line;
    line.write(20 * kFrame);
    line.tick();
    line.playout.pause(500);
    line.tick();
    line.tick();
    REQUIRE(line.playout.played() == 2 * kFrame);
}

void pause_without_fade_consumes_nothing_and_does_not_click() {
    Line line;
    line.write(20 * kFrame);
    line.tick();
    line.playout.pause(0);
    const Frame frame = line.tick();
    REQUIRE(line.playout.played() == kFrame);
    REQUIRE(largest_step(frame, speech(kFrame - 1)) < 600);
    REQUIRE(is_noise(frame, 40));
}

void a_pause_taken_back_within_one_tick_is_not_heard() {
    Line line;
    line.write(20 * kFrame);
    line.tick();
    line.playout.pause(5);
    line.playout.resume(5);
    REQUIRE(is_speech(line.tick(), 0, kFrame, kFrame));
}

void a_pause_during_the_fade_in_does_not_jump() {
    Line line;
    line.write(40 * kFrame);
    line.tick();
    line.playout.pause(5);
    line.tick();
    line.playout.resume(60);  // still rising when the next pause comes
    Frame rising = line.tick();
    line.playout.pause(5);
    REQUIRE(largest_step(line.tick(), rising.back()) < 400);
}

void flush_discards_what_was_written_before_and_keeps_what_comes_after() {
    Line line;
    line.write(10 * kFrame);
    line.tick();
    line.playout.flush();
    REQUIRE(line.playout.queued() == 0);
    const size_t fresh = line.position;
    line.write(3 * kFrame);
    REQUIRE(line.playout.queued() == 3 * kFrame);
    const Frame frame = line.tick();
    REQUIRE(frame[kFade - 1] == 0 && largest_step(Frame(frame.begin(), frame.begin() + kFade),
                                                   speech(kFrame - 1)) < 400);
    REQUIRE(is_speech(frame, kFade, kFrame - kFade, fresh));
    REQUIRE(line.playout.flushed() == 9 * kFrame - kFade);
    REQUIRE(is_speech(line.tick(), 0, kFrame, fresh + kFrame - kFade));
}

void flush_while_paused_is_silent() {
    Line line;
    line.write(10 * kFrame);
    line.tick();
    line.playout.pause(5);
    line.tick();
    line.playout.flush();
    line.playout.resume(5);
    const size_t played = line.playout.played();
    REQUIRE(is_noise(line.tick(), 0));
    REQUIRE(line.playout.played() == played && line.playout.queued() == 0);
}

void pause_and_flush_in_one_tick_leave_only_the_fade() {
    Line line;
    line.write(10 * kFrame);
    line.tick();
    line.playout.pause(5);
    line.playout.flush();
    line.write(2 * kFrame);  // the answer to the interruption, not to be heard yet
    const Frame frame = line.tick();
    REQUIRE(line.playout.played() == kFrame + kFade && is_noise(frame, kFade));
    REQUIRE(line.playout.queued() == 2 * kFrame);
}

void a_partial_frame_is_padded_without_a_click_and_counted() {
    Line line;
    line.playout.set_owed(true);
    line.write(kFrame + 100);
    line.tick();
    const Frame frame = line.tick();
    REQUIRE(is_speech(frame, 0, 100, kFrame));
    REQUIRE(largest_step(frame, speech(kFrame - 1)) < 600 && is_noise(frame, 140));
    REQUIRE(line.playout.partial_frames() == 1 && line.playout.underruns() == 1);
    line.tick();
    REQUIRE(line.playout.underruns() == 1);  // one dry spell, one underrun
    line.write(kFrame);
    REQUIRE(largest_step(line.tick(), 0) < 600);  // and what follows the gap fades in
}

void speech_that_is_not_owed_ends_without_an_underrun() {
    Line line;
    line.write(kFrame);
    line.tick();
    line.tick();
    REQUIRE(line.playout.underruns() == 0 && line.playout.noise_frames() == 1);
}

void waiting_for_the_first_audio_is_no_underrun() {
    Line line;
    line.playout.set_owed(true);
    for (int i = 0; i < 10; ++i) line.tick();
    REQUIRE(line.playout.underruns() == 0);
}

void comfort_noise_has_the_level_asked_for() {
    Line line;
    for (float dbfs : {-60.0f, -40.0f}) {
        line.playout.set_noise_level(dbfs);
        double power = 0;
        for (int i = 0; i < 100; ++i)
            for (Sample sample : line.tick()) power += double(sample) * sample;
        const double measured = 10 * std::log10(power / (100 * kFrame) / (32768.0 * 32768.0));
        REQUIRE(std::abs(measured - dbfs) < 1.0);
    }
    line.playout.set_noise_level(-120.0f);
    line.tick();
    line.tick();
    for (Sample sample : line.tick()) REQUIRE(sample == 0);
}

std::shared_ptr<const Clip> clip_of(size_t samples) {
    return std::make_shared<const Clip>(samples, Sample{-8000});
}

void the_clip_stands_in_once_when_owed_speech_is_late() {
    Line line;
    line.playout.set_clip(clip_of(2 * kFrame + 50));
    line.playout.set_owed(true);
    for (int i = 0; i < 75; ++i) REQUIRE(is_noise(line.tick(), 0));  // 1.5 s
    REQUIRE(line.tick()[kFrame - 1] == -8000);
    line.tick();
    const Frame last = line.tick();
    REQUIRE(last[49] == -8000 && is_noise(last, 90) && largest_step(last, -8000) < 600);
    for (int i = 0; i < 200; ++i) REQUIRE(is_noise(line.tick(), 0));
    REQUIRE(line.playout.clip_plays() == 1 && line.playout.played() == 0);
    line.write(kFrame);  // speech came; a new dry spell may have its own clip
    line.tick();
    for (int i = 0; i < 75; ++i) REQUIRE(is_noise(line.tick(), 40));
    REQUIRE(line.tick()[0] == -8000 && line.playout.clip_plays() == 2);
    REQUIRE(line.playout.underruns() == 1);  // the clip's own end is not one
}

void the_clip_yields_to_speech_and_to_a_pause_without_a_click() {
    Line line;
    line.playout.set_clip(clip_of(100 * kFrame));
    line.playout.set_clip_after(20);
    line.playout.set_owed(true);
    line.tick();
    REQUIRE(line.tick()[0] == -8000);
    line.write(4 * kFrame);
    const Frame frame = line.tick();
    REQUIRE(frame[0] < -7000 && frame[kFade - 1] == 0);
    REQUIRE(is_speech(frame, kFade, kFrame - kFade, 0));
    for (int i = 0; i < 4; ++i) line.tick();
    while (line.tick()[kFrame - 1] != -8000) {
    }
    line.playout.pause(5);
    const Frame paused = line.tick();
    REQUIRE(largest_step(paused, -8000) < 400 && is_noise(paused, kFade));
    line.playout.resume(5);
    REQUIRE(is_noise(line.tick(), 0));
}

void silence_that_is_not_owed_stays_silence() {
    Line line;
    line.playout.set_clip(clip_of(kFrame));
    for (int i = 0; i < 300; ++i) REQUIRE(is_noise(line.tick(), 0));
    REQUIRE(line.playout.clip_plays() == 0);
}

void a_pair_holds_both_sides_of_one_tick() {
    RingCore core(kRate, kFrame, 50, 64 * kFrame, 7);
    Frame pcm(kFrame, 1234), caller(kFrame, 77), out(kFrame), pair(2 * kFrame);
    core.playout.write(pcm.data(), kFrame);
    core.get(out.data());
    core.put(caller.data());
    core.put(nullptr);  // no listener, no caller: both silent, still one pair
    core.put(caller.data());
    REQUIRE(core.pairs.ticks() == 3 && core.pairs.readable() == 3);
    REQUIRE(core.pairs.read(pair.data(), 1) == 1 && pair[0] == 77 && pair[kFrame] == 1234);
    REQUIRE(core.pairs.read(pair.data(), 1) == 1 && pair[0] == 0 && pair[2 * kFrame - 1] == 0);
    REQUIRE(core.pairs.read(pair.data(), 5) == 1 && pair[0] == 77 && pair[kFrame] == 0);
    REQUIRE(core.caller_missing.get() == 1);
}

void a_late_reader_loses_the_newest_pairs_and_keeps_its_place_in_time() {
    PairRing ring(kFrame, 4);
    Frame caller(kFrame), all(32 * 2 * kFrame);
    for (Sample tick = 1; tick <= 7; ++tick) {
        std::fill(caller.begin(), caller.end(), tick);
        ring.push(caller.data(), nullptr);
    }
    REQUIRE(ring.dropped() == 3 && ring.read(all.data(), 32) == 4 && all[3 * 2 * kFrame] == 4);
    std::fill(caller.begin(), caller.end(), Sample{8});
    ring.push(caller.data(), nullptr);
    REQUIRE(ring.readable() == 4);
    REQUIRE(ring.read(all.data(), 2) == 2 && all[0] == 0 && ring.readable() == 2);
    REQUIRE(ring.read(all.data(), 32) == 2 && all[0] == 0 && all[2 * kFrame] == 8);
    REQUIRE(ring.readable() == 0 && ring.ticks() == 8);
}

// Under the thread sanitizer: a clock and an application that write, pause and flush at random.
void clock_and_application_share_the_rings_without_a_race() {
    RingCore core(kRate, kFrame, 8, 8 * kFrame, 7);
    constexpr int kTicks = 20000;
    std::atomic<bool> done{false};
    std::thread clock([&] {
        Frame out(kFrame), caller(kFrame, 5);
        for (int i = 0; i < kTicks; ++i) {
            core.get(out.data());
            core.put(caller.data());
            if (i % 16 == 0) std::this_thread::yield();
        }
        done.store(true, std::memory_order_release);
    });
    Frame pcm(kFrame, 9), pairs(16 * 2 * kFrame);
    size_t written = 0, read = 0;
    for (unsigned turn = 0;; ++turn) {
        const bool last = done.load(std::memory_order_acquire);
        written += core.playout.write(pcm.data(), 1 + turn % kFrame);
        if (turn % 37 == 0) core.playout.pause(turn % 7);
        if (turn % 41 == 0) core.playout.flush();
        if (turn % 43 == 0) core.playout.resume(turn % 9);
        if (turn % 1009 == 0) core.playout.set_clip(clip_of(kFrame));
        core.playout.set_owed(turn % 3 != 0);
        const size_t got = core.pairs.read(pairs.data(), 16);
        for (size_t i = 0; i < got; ++i) {
            const Sample caller = pairs[i * 2 * kFrame];
            REQUIRE(caller == 5 || caller == 0);
            REQUIRE(pairs[i * 2 * kFrame + kFrame - 1] == caller);
        }
        read += got;
        if (last) break;
    }
    clock.join();
    Frame out(kFrame);
    core.get(out.data());  // the clock sees the last flush
    core.put(nullptr);
    read += core.pairs.read(pairs.data(), 16);
    read += core.pairs.read(pairs.data(), 16);
    REQUIRE(core.playout.played() + core.playout.flushed() + core.playout.queued() == written);
    REQUIRE(core.pairs.ticks() == kTicks + 1 && read <= core.pairs.ticks());
    REQUIRE(core.pairs.readable() == 0 || read + core.pairs.readable() <= core.pairs.ticks());
}

#define CHECK(name) {#name, name}
const std::map<std::string, std::function<void()>> checks = {
    CHECK(written_samples_play_once_and_in_order),
    CHECK(writes_beyond_the_bound_are_refused_not_lost),
    CHECK(pause_consumes_one_fade_and_resume_continues_at_the_next_sample),
    CHECK(pause_never_consumes_more_than_one_frame),
    CHECK(pause_without_fade_consumes_nothing_and_does_not_click),
    CHECK(a_pause_taken_back_within_one_tick_is_not_heard),
    CHECK(a_pause_during_the_fade_in_does_not_jump),
    CHECK(flush_discards_what_was_written_before_and_keeps_what_comes_after),
    CHECK(flush_while_paused_is_silent),
    CHECK(pause_and_flush_in_one_tick_leave_only_the_fade),
    CHECK(a_partial_frame_is_padded_without_a_click_and_counted),
    CHECK(speech_that_is_not_owed_ends_without_an_underrun),
    CHECK(waiting_for_the_first_audio_is_no_underrun),
    CHECK(comfort_noise_has_the_level_asked_for),
    CHECK(the_clip_stands_in_once_when_owed_speech_is_late),
    CHECK(the_clip_yields_to_speech_and_to_a_pause_without_a_click),
    CHECK(silence_that_is_not_owed_stays_silence),
    CHECK(a_pair_holds_both_sides_of_one_tick),
    CHECK(a_late_reader_loses_the_newest_pairs_and_keeps_its_place_in_time),
    CHECK(clock_and_application_share_the_rings_without_a_race),
};

}  // namespace

int main(int argc, char **argv) {
    if (argc == 2 && std::string(argv[1]) == "--list") {
        for (const auto &check : checks) std::puts(check.first.c_str());
        return 0;
    }
    for (int i = 1; i < argc; ++i) checks.at(argv[i])();
    return 0;
}
