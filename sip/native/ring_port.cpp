#include "ring_port.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#ifndef THIS_FILE
#define THIS_FILE "ring_port"
#endif

// From patches/same-rate.patch; a pjproject that the patch does not fit has none.
extern "C" {
extern void (*pjmedia_conf_on_tick)(void) __attribute__((weak));
}

namespace pj {
namespace {

using trunkline::RingCore;
using trunkline::Sample;

// One wake-up for every port. `raised` is only changed by read-modify-write, so a clock that finds
// it raised is ordered before the drain that lowers it: no wake-up is lost.
struct WakeUp {
    const int fd = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    std::atomic<bool> raised{false};

    void raise() {
        if (raised.exchange(true, std::memory_order_acq_rel)) return;
        const uint64_t one = 1;
        while (::write(fd, &one, sizeof one) < 0 && errno == EINTR) {
        }
    }
    // The eventfd is drained *before* it is armed again: the other order can swallow a raise().
    void clear() {
        uint64_t count;
        while (::read(fd, &count, sizeof count) < 0 && errno == EINTR) {
        }
        raised.exchange(false, std::memory_order_acq_rel);
    }
};

WakeUp &wake_up() {
    static WakeUp instance;
    return instance;
}

// The ports of one tick wake the loop together, when the clock has nothing left to send. Both only
// on the clock thread.
bool has_new_pairs = false;

bool ticks_are_told() { return &pjmedia_conf_on_tick != nullptr; }

void end_tick() {
    if (!has_new_pairs) return;
    has_new_pairs = false;
    wake_up().raise();
}

struct PortState {
    RingCore core;
    pj_pool_t *pool;
    std::atomic<bool> alive{true};

    PortState(unsigned rate, size_t frame, size_t pairs, size_t tx, uint32_t seed, pj_pool_t *p)
        : core(rate, frame, pairs, tx, seed), pool(p) {}
};

PortState *state_of(pjmedia_port *port) {
    return static_cast<PortState *>(port->port_data.pdata);
}

size_t frame_samples(const pjmedia_port *port) {
    return PJMEDIA_PIA_SPF(&port->info);
}

pj_status_t put_frame(pjmedia_port *port, pjmedia_frame *frame) {
    PortState *state = state_of(port);
    if (!state->alive.load(std::memory_order_acquire)) return PJ_SUCCESS;
    const bool is_audio = frame->type == PJMEDIA_FRAME_TYPE_AUDIO && frame->buf &&
                          frame->size == frame_samples(port) * sizeof(Sample);
    state->core.put(is_audio ? static_cast<const Sample *>(frame->buf) : nullptr);
    if (ticks_are_told())
        has_new_pairs = true;
    else
        wake_up().raise();
    return PJ_SUCCESS;
}

pj_status_t get_frame(pjmedia_port *port, pjmedia_frame *frame) {
    PortState *state = state_of(port);
    if (!state->alive.load(std::memory_order_acquire)) {
        frame->type = PJMEDIA_FRAME_TYPE_NONE;
        frame->size = 0;
        return PJ_SUCCESS;
    }
    state->core.get(static_cast<Sample *>(frame->buf));
    frame->size = frame_samples(port) * sizeof(Sample);
    frame->type = PJMEDIA_FRAME_TYPE_AUDIO;
    return PJ_SUCCESS;
}

pj_status_t on_destroy(pjmedia_port *port) {
    PortState *state = state_of(port);
    pj_pool_t *pool = state->pool;
    delete state;
    pj_pool_release(pool);
    return PJ_SUCCESS;
}

[[noreturn]] void refuse(const std::string &reason) {
    throw Error(PJ_EINVAL, "RingAudioPort.create", reason, __FILE__, __LINE__);
}

// The bridge must ask for exactly one frame per tick, or the pairs would drift apart.
void check_timing(unsigned clockRate, unsigned ptimeMs, unsigned rxMs, unsigned txMs) {
    pjsua_conf_port_info bridge;
    if (pjsua_get_state() < PJSUA_STATE_INIT || pjsua_conf_get_port_info(0, &bridge) != PJ_SUCCESS)
        refuse("the endpoint is not initialised: call Endpoint.libInit() first");
    const unsigned bridge_ms = 1000 * bridge.samples_per_frame / bridge.clock_rate;
    if (ptimeMs != bridge_ms)
        refuse("ptimeMs is " + std::to_string(ptimeMs) + " but the bridge ticks every " +
               std::to_string(bridge_ms) + " ms (MediaConfig.audioFramePtime)");
    if (clockRate < 8000 || clockRate > 48000 || clockRate % 8000 != 0)
        refuse("clockRate is " + std::to_string(clockRate) + ": use 8000, 16000, 24000 or 48000");
    if (rxMs < 2 * ptimeMs || txMs < 2 * ptimeMs)
        refuse("rxMs and txMs must hold at least two frames");
}

}  // namespace

unsigned long long AudioClip::sizeBytes() const { return samples_->size() * sizeof(Sample); }

RingAudioPort::RingAudioPort() {}

void RingAudioPort::create(const std::string &name, unsigned clockRate, unsigned ptimeMs,
                           unsigned rxMs, unsigned txMs) PJSUA2_THROW(Error) {
    if (port_) PJSUA2_RAISE_ERROR(PJ_EEXISTS);
    check_timing(clockRate, ptimeMs, rxMs, txMs);
    pj_pool_t *pool = pjsua_pool_create("ring%p", 1024, 512);
    if (!pool) PJSUA2_RAISE_ERROR(PJ_ENOMEM);
    auto *port = PJ_POOL_ZALLOC_T(pool, pjmedia_port);
    const unsigned frame = clockRate * ptimeMs / 1000;
    pj_str_t port_name;
    pj_strdup2_with_null(pool, &port_name, name.c_str());
    pjmedia_port_info_init(&port->info, &port_name, PJMEDIA_SIG_CLASS_APP('R', 'N', 'G'), clockRate,
                           1, 16, frame);
    auto *state = new PortState(clockRate, frame, rxMs / ptimeMs,
                                static_cast<size_t>(clockRate) * txMs / 1000, pj_rand() * 2u + 1u,
                                pool);
    port->port_data.pdata = state;
    port->put_frame = &put_frame;
    port->get_frame = &get_frame;
    port->on_destroy = &on_destroy;
    const pj_status_t status = pjmedia_port_init_grp_lock(port, pool, nullptr);
    if (status != PJ_SUCCESS) {
        on_destroy(port);
        PJSUA2_RAISE_ERROR(status);
    }
    wake_up();
    if (ticks_are_told()) pjmedia_conf_on_tick = &end_tick;
    port_ = port;
    core_ = &state->core;
    try {
        registerMediaPort2(port, pool);
    } catch (...) {
        port_ = nullptr;
        core_ = nullptr;
        pjmedia_port_destroy(port);
        throw;
    }
}

RingAudioPort::~RingAudioPort() {
    if (!port_) return;
    state_of(port_)->alive.store(false, std::memory_order_release);
    PJSUA2_CATCH_IGNORE(unregisterMediaPort());
    pjmedia_port_destroy(port_);  // freed when the bridge has dropped its reference too
}

unsigned RingAudioPort::pairBytes() const {
    return core_ ? static_cast<unsigned>(core_->pairs.pair_samples() * sizeof(Sample)) : 0;
}
unsigned RingAudioPort::readableBytes() const {
    return core_ ? static_cast<unsigned>(core_->pairs.readable()) * pairBytes() : 0;
}
unsigned RingAudioPort::txQueuedBytes() const {
    return core_ ? static_cast<unsigned>(core_->playout.queued() * sizeof(Sample)) : 0;
}
unsigned RingAudioPort::txRoomBytes() const {
    return core_ ? static_cast<unsigned>(core_->playout.room() * sizeof(Sample)) : 0;
}
unsigned long long RingAudioPort::txPlayedBytes() const {
    return core_ ? core_->playout.played() * sizeof(Sample) : 0;
}
unsigned long long RingAudioPort::txFlushedBytes() const {
    return core_ ? core_->playout.flushed() * sizeof(Sample) : 0;
}

void RingAudioPort::flush() {
    if (core_) core_->playout.flush();
}
void RingAudioPort::pause(unsigned fadeMs) {
    if (core_) core_->playout.pause(fadeMs);
}
void RingAudioPort::resume(unsigned fadeMs) {
    if (core_) core_->playout.resume(fadeMs);
}
bool RingAudioPort::isPaused() const { return core_ && core_->playout.is_paused(); }

void RingAudioPort::setOwed(bool owed) {
    if (core_) core_->playout.set_owed(owed);
}
void RingAudioPort::setClip(const AudioClip &clip) {
    if (core_) core_->playout.set_clip(clip.samples());
}
void RingAudioPort::setClipAfter(unsigned ms) {
    if (core_) core_->playout.set_clip_after(ms);
}
void RingAudioPort::setNoiseLevel(float dbfs) {
    if (core_) core_->playout.set_noise_level(dbfs);
}

RingStats RingAudioPort::stats() const {
    RingStats s = {};
    if (!core_) return s;
    const auto &playout = core_->playout;
    s.ticks = core_->pairs.ticks();
    s.pairsDropped = core_->pairs.dropped();
    s.callerMissing = core_->caller_missing.get();
    s.playedBytes = playout.played() * sizeof(Sample);
    s.flushedBytes = playout.flushed() * sizeof(Sample);
    s.underruns = playout.underruns();
    s.partialFrames = playout.partial_frames();
    s.noiseFrames = playout.noise_frames();
    s.clipPlays = playout.clip_plays();
    return s;
}

int RingAudioPort::eventFd() { return wake_up().fd; }
void RingAudioPort::clearEvent() { wake_up().clear(); }

}  // namespace pj
