// What the far end hears: written audio, or its pause, or what stands in when it runs dry.
#pragma once

#include "ring_core.hpp"

namespace trunkline {

// Rules of one frame, in this order:
//   flush   everything written before the call is discarded; if speech was sounding, its next
//           5 ms go out as a fade (and count as played), so that no click is heard;
//   pause   at most one fade's length of speech is consumed (never more than the frame), then
//           nothing; resume continues at the first sample that was not consumed, with a fade in;
//   speech  whole samples in the order written;
//   dry     comfort noise at once; after `clip_after` of it while speech is owed, the clip, once.
// Always: written == played + flushed + queued.
class Playout {
  public:
    Playout(unsigned rate_hz, size_t frame_samples, size_t capacity_samples, uint32_t seed)
        : rate_(rate_hz), frame_(frame_samples), ring_(capacity_samples), noise_(seed) {
        clip_after_.store(samples_of(1500), std::memory_order_relaxed);
    }

    // --- application ------------------------------------------------------------------------
    size_t write(const void *bytes, size_t samples) { return ring_.write(bytes, samples); }
    size_t queued() const {
        // Written before a flush is no longer queued, even if the clock has not passed over it.
        const uint64_t r = std::max(ring_.read_position(), flush_to_.load(std::memory_order_relaxed));
        return static_cast<size_t>(ring_.write_position() - r);
    }
    size_t room() const { return ring_.capacity() - ring_.queued(); }
    void flush() {
        flush_to_.store(ring_.write_position(), std::memory_order_release);
        flushes_.fetch_add(1, std::memory_order_release);
    }
    void pause(unsigned fade_ms) { order_.store(kPaused | fade_bits(fade_ms), std::memory_order_release); }
    void resume(unsigned fade_ms) { order_.store(fade_bits(fade_ms), std::memory_order_release); }
    bool is_paused() const { return order_.load(std::memory_order_relaxed) & kPaused; }
    void set_owed(bool owed) { owed_.store(owed, std::memory_order_release); }
    void set_noise_level(float dbfs) { noise_.set_level(dbfs); }
    void set_clip_after(unsigned ms) { clip_after_.store(samples_of(ms), std::memory_order_relaxed); }
    // The clips of a port live as long as the port: the clock may still be reading an old one.
    void set_clip(std::shared_ptr<const Clip> clip) {
        clips_.push_back(std::move(clip));
        clip_.store(clips_.back().get(), std::memory_order_release);
    }

    uint64_t played() const { return played_.get(); }
    uint64_t flushed() const { return flushed_.get(); }
    uint64_t underruns() const { return underruns_.get(); }
    uint64_t partial_frames() const { return partial_frames_.get(); }
    uint64_t noise_frames() const { return noise_frames_.get(); }
    uint64_t clip_plays() const { return clip_plays_.get(); }

    // --- clock ------------------------------------------------------------------------------
    void next_frame(Sample *out) {
        size_t at = 0;
        const uint32_t flushes = flushes_.load(std::memory_order_acquire);
        if (flushes != flushes_seen_) {
            flushes_seen_ = flushes;
            at = obey_flush(out);
        }
        const uint32_t order = order_.load(std::memory_order_acquire);
        if (order & kPaused) {
            if (!paused_) at += fade_out(out + at, std::min(fade_of(order), frame_ - at), ring_.queued());
            paused_ = true;
            dry_ = 0;
            fill_noise(out + at, frame_ - at);
            if (at == 0) noise_frames_.add(1);
            return;
        }
        if (paused_) {
            paused_ = false;
            start_fade_in(fade_of(order));
        }
        if (clip_at_ != kNoClip && ring_.queued() > 0)
            at += fade_out(out + at, std::min(samples_of(kFadeMs), frame_ - at), 0);
        const size_t spoken = speak(out + at, frame_ - at);
        at += spoken;
        if (at < frame_) run_dry(out, at, spoken);
    }

  private:
    static constexpr uint32_t kPaused = 0x80000000u;
    static constexpr unsigned kFadeMs = 5;
    static constexpr size_t kNoClip = ~size_t{0};
    static constexpr Sample kQuiet = 64;  // below this a cut is not heard as a click (-54 dBFS)

    size_t samples_of(unsigned ms) const { return static_cast<size_t>(rate_) * ms / 1000; }
    static uint32_t fade_bits(unsigned fade_ms) { return std::min(fade_ms, 10000u); }
    size_t fade_of(uint32_t order) const { return samples_of(order & ~kPaused); }

    size_t obey_flush(Sample *out) {
        const uint64_t to = flush_to_.load(std::memory_order_acquire);
        const uint64_t from = ring_.read_position();
        size_t at = 0;
        // A paused port is silent already: nothing of what is flushed may sound.
        if (!paused_)
            at = fade_out(out, std::min(samples_of(kFadeMs), frame_),
                          to > from ? static_cast<size_t>(to - from) : 0);
        clip_at_ = kNoClip;
        flushed_.add(ring_.skip_to(to));
        dry_ = 0;
        return at;
    }

    // Fades what is sounding (speech or clip) over `count` samples, taking at most `available`
    // from the ring; returns the samples made. Silence needs no fade.
    size_t fade_out(Sample *out, size_t count, size_t available) {
        if (clip_at_ != kNoClip) {
            count = play_clip(out, count);
            clip_at_ = kNoClip;
        } else if (sounding_) {
            count = ring_.read(out, std::min(count, available));
            played_.add(count);
        } else {
            return 0;
        }
        for (size_t i = 0; i < count; ++i)
            out[i] = scaled(out[i], gain_ * static_cast<float>(count - i - 1) / static_cast<float>(count));
        spoke_ = false;
        if (count > 0) {
            last_ = 0;
            sounding_ = false;
        }
        return count;
    }

    void start_fade_in(size_t samples) {
        gain_ = samples > 0 ? 0.0f : 1.0f;
        gain_step_ = samples > 0 ? 1.0f / static_cast<float>(samples) : 0.0f;
    }

    size_t speak(Sample *out, size_t count) {
        count = ring_.read(out, count);
        if (count == 0) return 0;
        played_.add(count);
        for (size_t i = 0; i < count && gain_ < 1.0f; ++i) {
            gain_ = std::min(1.0f, gain_ + gain_step_);
            out[i] = scaled(out[i], gain_);
        }
        last_ = out[count - 1];
        sounding_ = spoke_ = true;
        dry_ = 0;
        clip_done_ = false;
        return count;
    }

    void run_dry(Sample *out, size_t at, size_t spoken) {
        const bool owed = owed_.load(std::memory_order_acquire);
        if (spoken > 0) partial_frames_.add(1);
        if (spoke_ && owed) underruns_.add(1);
        spoke_ = false;
        if (!owed) dry_ = 0;
        const Clip *clip = clip_.load(std::memory_order_acquire);
        if (clip_at_ == kNoClip && !clip_done_ && owed && clip && !clip->empty() &&
            dry_ >= clip_after_.load(std::memory_order_relaxed)) {
            playing_ = clip;
            clip_at_ = 0;
            clip_done_ = true;
            clip_plays_.add(1);
        }
        const size_t start = at;
        if (clip_at_ != kNoClip) {
            at += play_clip(out + at, frame_ - at);
            if (clip_at_ >= playing_->size()) clip_at_ = kNoClip;
        }
        fill_noise(out + at, frame_ - at);
        if (owed) dry_ += frame_ - start;
        if (at == 0) noise_frames_.add(1);
    }

    size_t play_clip(Sample *out, size_t count) {
        count = std::min(count, playing_->size() - clip_at_);
        std::copy_n(playing_->begin() + static_cast<std::ptrdiff_t>(clip_at_), count, out);
        clip_at_ += count;
        if (count > 0) {
            last_ = out[count - 1];
            sounding_ = true;
            gain_ = 1.0f;
        }
        return count;
    }

    // Noise; where speech broke off loud, its last sample decays over 2 ms (no step, no click)
    // and what follows the gap fades in over the same time.
    void fill_noise(Sample *out, size_t count) {
        if (count == 0) return;
        if (sounding_) {
            sounding_ = false;
            if (std::abs(static_cast<int>(last_)) > kQuiet) {
                decay_ = decay_left_ = samples_of(2);
                decay_from_ = last_;
                start_fade_in(samples_of(2));
            }
            last_ = 0;
        }
        for (size_t i = 0; i < count; ++i) {
            float value = noise_.next();
            if (decay_left_ > 0) {
                value += static_cast<float>(decay_from_) * static_cast<float>(--decay_left_) /
                         static_cast<float>(decay_);
            }
            out[i] = clamp(value);
        }
    }

    static Sample clamp(float value) {
        return static_cast<Sample>(std::lround(std::min(32767.0f, std::max(-32768.0f, value))));
    }
    static Sample scaled(Sample sample, float gain) { return clamp(static_cast<float>(sample) * gain); }

    const unsigned rate_;
    const size_t frame_;
    SampleRing ring_;
    ComfortNoise noise_;

    std::atomic<uint64_t> flush_to_{0};
    std::atomic<uint32_t> flushes_{0};
    std::atomic<uint32_t> order_{0};  // kPaused | fade in ms
    std::atomic<bool> owed_{false};
    std::atomic<size_t> clip_after_{0};
    std::atomic<const Clip *> clip_{nullptr};
    std::vector<std::shared_ptr<const Clip>> clips_;  // application side only

    // Clock side only.
    uint32_t flushes_seen_ = 0;
    bool paused_ = false;
    bool sounding_ = false;  // the last sample that went out was speech or clip
    bool spoke_ = false;     // speech was played since the last dry spell, pause or flush
    Sample last_ = 0;
    float gain_ = 1.0f, gain_step_ = 0.0f;
    size_t decay_ = 0, decay_left_ = 0;
    Sample decay_from_ = 0;
    size_t dry_ = 0;  // samples of standing in while speech is owed
    const Clip *playing_ = nullptr;
    size_t clip_at_ = kNoClip;
    bool clip_done_ = false;

    Counter played_, flushed_, underruns_, partial_frames_, noise_frames_, clip_plays_;
};

// Joins what is played with what is heard.
//
// pjmedia's bridge (conference.c, get_frame()) first takes one frame from every port that has a
// listener and then puts one frame to *every* port, a NONE frame when nobody transmits to it. So
// put() is the tick: it pairs the caller's frame with the agent frame of the same tick, or with
// silence when none was asked for (hold, a stream being made anew).
class RingCore {
  public:
    RingCore(unsigned rate_hz, size_t frame_samples, size_t pairs, size_t tx_samples, uint32_t seed)
        : playout(rate_hz, frame_samples, tx_samples, seed), pairs(frame_samples, pairs),
          agent_(frame_samples) {}

    void get(Sample *out) {
        playout.next_frame(out);
        std::copy_n(out, agent_.size(), agent_.begin());
        has_agent_ = true;
    }
    void put(const Sample *caller) {
        if (!caller) caller_missing.add(1);
        pairs.push(caller, has_agent_ ? agent_.data() : nullptr);
        has_agent_ = false;
    }

    Playout playout;
    PairRing pairs;
    Counter caller_missing;

  private:
    std::vector<Sample> agent_;
    bool has_agent_ = false;
};

}  // namespace trunkline
