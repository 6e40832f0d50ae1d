// The media logic of one call's ring port, without any PJSIP type.
//
// Two threads: the *clock* thread (pjmedia's bridge) calls get() and put() once per tick; the
// *application* (Python threads, one at a time under the GIL) calls everything else. Nothing here
// blocks, allocates or takes a lock on the clock thread.
#pragma once

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

namespace trunkline {

using Sample = int16_t;

// A value that one thread writes and any thread may read.
class Counter {
  public:
    void add(uint64_t n) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_release);
    }
    uint64_t get() const { return value_.load(std::memory_order_acquire); }

  private:
    std::atomic<uint64_t> value_{0};
};

// Single-producer single-consumer ring of samples, addressed by positions that never wrap
// (a 64-bit count of samples lasts for ever).
class SampleRing {
  public:
    explicit SampleRing(size_t capacity_samples) : capacity_(capacity_samples) {
        size_t n = 1;
        while (n < capacity_samples) n <<= 1;
        samples_.resize(n);
        mask_ = n - 1;
    }
    size_t capacity() const { return capacity_; }
    uint64_t read_position() const { return read_.load(std::memory_order_acquire); }
    uint64_t write_position() const { return write_.load(std::memory_order_acquire); }
    // The read position is taken first: it only grows, so the difference is never negative.
    size_t queued() const {
        const uint64_t r = read_position();
        return static_cast<size_t>(write_position() - r);
    }

    // Producer. `bytes` need not be aligned; returns the samples accepted.
    size_t write(const void *bytes, size_t count) {
        const uint64_t w = write_.load(std::memory_order_relaxed);
        count = std::min(count, capacity() - static_cast<size_t>(w - read_position()));
        const size_t at = static_cast<size_t>(w) & mask_;
        const size_t head = std::min(count, samples_.size() - at);
        const auto *source = static_cast<const unsigned char *>(bytes);
        if (head > 0) std::memcpy(&samples_[at], source, head * sizeof(Sample));
        if (count > head)
            std::memcpy(&samples_[0], source + head * sizeof(Sample),
                        (count - head) * sizeof(Sample));
        write_.store(w + count, std::memory_order_release);
        return count;
    }

    // Consumer.
    size_t read(Sample *out, size_t count) {
        const uint64_t r = read_.load(std::memory_order_relaxed);
        count = std::min(count, static_cast<size_t>(write_position() - r));
        const size_t at = static_cast<size_t>(r) & mask_;
        const size_t head = std::min(count, samples_.size() - at);
        if (head > 0) std::memcpy(out, &samples_[at], head * sizeof(Sample));
        if (count > head)
            std::memcpy(out + head, &samples_[0], (count - head) * sizeof(Sample));
        read_.store(r + count, std::memory_order_release);
        return count;
    }
    // Consumer: go forward to an absolute position; returns the samples passed over.
    size_t skip_to(uint64_t position) {
        const uint64_t r = read_.load(std::memory_order_relaxed);
        if (position <= r) return 0;
        read_.store(position, std::memory_order_release);
        return static_cast<size_t>(position - r);
    }

  private:
    const size_t capacity_;
    std::vector<Sample> samples_;  // a power of two, at least the capacity
    size_t mask_ = 0;
    std::atomic<uint64_t> read_{0}, write_{0};
};

// Ring of (caller frame, agent frame) pairs, one per tick of the media clock.
//
// When it is full the *newest* pair is dropped: only the consumer may move the read index of a
// lock-free ring, and the media clock never waits. Each slot carries its tick, so read() fills a
// hole with silence and the two channels keep their place in time; dropped() tells the truth.
class PairRing {
  public:
    PairRing(size_t frame_samples, size_t capacity_pairs)
        : frame_(frame_samples), slots_(std::max<size_t>(capacity_pairs, 2)),
          ticks_(slots_), samples_(slots_ * 2 * frame_samples) {}

    size_t pair_samples() const { return 2 * frame_; }

    // Clock thread. A null frame is silence.
    void push(const Sample *caller, const Sample *agent) {
        const uint64_t tick = ticks_seen_.get();
        ticks_seen_.add(1);
        const uint64_t w = write_.load(std::memory_order_relaxed);
        if (w - read_.load(std::memory_order_acquire) >= slots_) {
            dropped_.add(1);
            return;
        }
        const size_t slot = static_cast<size_t>(w % slots_);
        ticks_[slot] = tick;
        copy_frame(&samples_[slot * pair_samples()], caller);
        copy_frame(&samples_[slot * pair_samples() + frame_], agent);
        write_.store(w + 1, std::memory_order_release);
    }

    // Application: pairs that read() can give now, holes included.
    size_t readable() const {
        const uint64_t w = write_.load(std::memory_order_acquire);
        if (w == read_.load(std::memory_order_relaxed)) return 0;
        return static_cast<size_t>(ticks_[static_cast<size_t>((w - 1) % slots_)] + 1 - next_tick_);
    }

    // Application: at most `pairs` pairs into `out`; returns the pairs given.
    size_t read(void *out, size_t pairs) {
        auto *to = static_cast<unsigned char *>(out);
        const size_t pair_bytes = pair_samples() * sizeof(Sample);
        const uint64_t w = write_.load(std::memory_order_acquire);
        uint64_t r = read_.load(std::memory_order_relaxed);
        size_t given = 0;
        for (; given < pairs && r != w; ++given, ++next_tick_, to += pair_bytes) {
            const size_t slot = static_cast<size_t>(r % slots_);
            if (ticks_[slot] == next_tick_) {
                std::memcpy(to, &samples_[slot * pair_samples()], pair_bytes);
                ++r;
            } else {
                std::memset(to, 0, pair_bytes);
            }
        }
        read_.store(r, std::memory_order_release);
        return given;
    }

    uint64_t ticks() const { return ticks_seen_.get(); }
    uint64_t dropped() const { return dropped_.get(); }

  private:
    void copy_frame(Sample *to, const Sample *from) const {
        if (from)
            std::memcpy(to, from, frame_ * sizeof(Sample));
        else
            std::memset(to, 0, frame_ * sizeof(Sample));
    }

    const size_t frame_, slots_;
    std::vector<uint64_t> ticks_;
    std::vector<Sample> samples_;
    std::atomic<uint64_t> read_{0}, write_{0};
    uint64_t next_tick_ = 0;  // application side only
    Counter ticks_seen_, dropped_;
};

// Low-level noise with a gentle spectral slope, so that a pause does not sound like a dead line.
class ComfortNoise {
  public:
    explicit ComfortNoise(uint32_t seed) : state_(seed ? seed : 1u) { set_level(-60.0f); }

    // RMS in dBFS; at -90 and below there is digital silence. Any thread.
    void set_level(float dbfs) {
        const float rms = dbfs <= -90.0f ? 0.0f : 32768.0f * std::pow(10.0f, dbfs / 20.0f);
        // Uniform noise in [-1, 1] has power 1/3; a one-pole filter multiplies it by 1/(1-p^2).
        scale_.store(rms * std::sqrt(3.0f * (1.0f - kPole * kPole)), std::memory_order_relaxed);
    }

    float next() {
        state_ ^= state_ << 13;  // xorshift32
        state_ ^= state_ >> 17;
        state_ ^= state_ << 5;
        const float white = static_cast<float>(static_cast<int32_t>(state_)) / 2147483648.0f;
        filtered_ = kPole * filtered_ + white * scale_.load(std::memory_order_relaxed);
        return filtered_;
    }

  private:
    static constexpr float kPole = 0.6f;
    uint32_t state_;
    float filtered_ = 0.0f;
    std::atomic<float> scale_{0.0f};
};

using Clip = std::vector<Sample>;

}  // namespace trunkline
