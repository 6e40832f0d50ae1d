// RingAudioPort: the bridge port of one call, whose clock-side callbacks never enter Python.
//
// pjmedia's clock thread touches two lock-free rings (playout.hpp, ring_core.hpp); Python drains
// and fills them in bulk. One eventfd for the whole process wakes the event loop at most once per
// drain, whatever the number of calls.
#pragma once

#include <memory>
#include <string>

#include <pjsua2.hpp>

#ifndef SWIG
#include "playout.hpp"
#endif

namespace pj {

// PCM16 mono that ports may play from when speech is owed and late; shared by any number of them.
class AudioClip {
  public:
    unsigned long long sizeBytes() const;
#ifndef SWIG
    AudioClip() : samples_(std::make_shared<trunkline::Clip>()) {}
    std::shared_ptr<trunkline::Clip> samples() const { return samples_; }

  private:
    std::shared_ptr<trunkline::Clip> samples_;
#endif
};

// A snapshot of a port's counters; all only grow.
struct RingStats {
    unsigned long long ticks;          // frames of the media clock, one pair each
    unsigned long long pairsDropped;   // the reader was late: newest pairs lost, read as silence
    unsigned long long callerMissing;  // ticks without a caller frame (hold, no stream yet)
    unsigned long long playedBytes;    // of what was written: sounded
    unsigned long long flushedBytes;   // of what was written: discarded unheard
    unsigned long long underruns;      // speech that was owed broke off
    unsigned long long partialFrames;  // frames that ended in noise because the ring ran out
    unsigned long long noiseFrames;    // frames of nothing but noise (paused, idle or dry)
    unsigned long long clipPlays;      // times the clip stood in
};

class RingAudioPort : public AudioMedia {
  public:
    RingAudioPort();
    virtual ~RingAudioPort();

    // Registers with the bridge. ptimeMs must be the bridge's own (one frame per tick each way);
    // rxMs and txMs bound what waits to be read and to be played.
    void create(const std::string &name, unsigned clockRate, unsigned ptimeMs = 20,
                unsigned rxMs = 2000, unsigned txMs = 2000) PJSUA2_THROW(Error);

    unsigned pairBytes() const;
    unsigned readableBytes() const;
    unsigned txQueuedBytes() const;
    unsigned txRoomBytes() const;
    unsigned long long txPlayedBytes() const;
    unsigned long long txFlushedBytes() const;

    void flush();
    void pause(unsigned fadeMs = 5);
    void resume(unsigned fadeMs = 5);
    bool isPaused() const;

    void setOwed(bool owed);
    void setClip(const AudioClip &clip);
    void setClipAfter(unsigned ms);
    void setNoiseLevel(float dbfs);
    RingStats stats() const;

    static int eventFd();
    static void clearEvent();

#ifndef SWIG
    trunkline::RingCore *core() const { return core_; }

  private:
    RingAudioPort(const RingAudioPort &) = delete;
    RingAudioPort &operator=(const RingAudioPort &) = delete;

    pjmedia_port *port_ = nullptr;
    trunkline::RingCore *core_ = nullptr;  // owned by port_: freed when the bridge lets go of it
#endif
};

}  // namespace pj
