// pjsua2 as Trunkline builds it: pjproject's own interface plus the ring port.
%module(directors="1") pjsua2

// pjproject 2.17 calls the CPython API with the GIL released in these two under `swig -threads`.
%nothread std::vector<unsigned char>::assign_from_bytes;
%nothread std::vector<unsigned char>::copy_to_bytearray;

%include "pjsua2.i"

%{
#include "ring_port.hpp"
%}

%{
#include <atomic>

namespace {

// What OPTIONS outside a dialog is answered with: 200 by pjsua itself, anything else by this gate
// in front of it. Dispatchers learn from it that no new calls are wanted.
std::atomic<int> options_status{PJSIP_SC_OK};

pj_bool_t gate_options(pjsip_rx_data *rdata) {
    const int status = options_status.load(std::memory_order_relaxed);
    if (status == PJSIP_SC_OK || rdata->msg_info.to->tag.slen ||
        pjsip_method_cmp(&rdata->msg_info.msg->line.req.method, pjsip_get_options_method()) != 0)
        return PJ_FALSE;
    pjsip_endpt_respond_stateless(pjsua_get_pjsip_endpt(), rdata, status, NULL, NULL, NULL);
    return PJ_TRUE;
}

pjsip_module options_gate = {
    NULL, NULL,
    { const_cast<char *>("mod-options-gate"), 16 },
    -1, PJSIP_MOD_PRIORITY_APPLICATION - 1,
    NULL, NULL, NULL, NULL,
    &gate_options,
    NULL, NULL, NULL, NULL,
};

void answer_options_with(int status) {
    options_status.store(status, std::memory_order_relaxed);
    if (options_gate.id < 0) pjsip_endpt_register_module(pjsua_get_pjsip_endpt(), &options_gate);
}

}  // namespace
%}

// After libInit(); PJSIP unloads the gate when it is destroyed.
void answer_options_with(int status);

// pjlib writes to stdout from libCreate() on, before EpConfig can say otherwise.
void pj_log_set_level(int level);

// These are lock-free and short, so the GIL is kept: one Python thread at a time is then the rings'
// single producer and single consumer. create() and the destructor talk to the bridge and release it.
%nothread pj::AudioClip::AudioClip;
%nothread pj::RingAudioPort::read;
%nothread pj::RingAudioPort::write;
%nothread pj::RingAudioPort::pairBytes;
%nothread pj::RingAudioPort::readableBytes;
%nothread pj::RingAudioPort::txQueuedBytes;
%nothread pj::RingAudioPort::txRoomBytes;
%nothread pj::RingAudioPort::txPlayedBytes;
%nothread pj::RingAudioPort::txFlushedBytes;
%nothread pj::RingAudioPort::flush;
%nothread pj::RingAudioPort::pause;
%nothread pj::RingAudioPort::resume;
%nothread pj::RingAudioPort::isPaused;
%nothread pj::RingAudioPort::setOwed;
%nothread pj::RingAudioPort::setClip;
%nothread pj::RingAudioPort::setClipAfter;
%nothread pj::RingAudioPort::setNoiseLevel;
%nothread pj::RingAudioPort::stats;
%nothread pj::RingAudioPort::eventFd;
%nothread pj::RingAudioPort::clearEvent;
%nodefaultctor pj::AudioClip;
%exception pj::AudioClip::AudioClip {
    $action
    if (!result) SWIG_fail;
}
%include "ring_port.hpp"

%extend pj::AudioClip {
    AudioClip(PyObject *pcm) {
        Py_buffer view;
        if (PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) return nullptr;
        auto *clip = new pj::AudioClip();
        clip->samples()->resize(static_cast<size_t>(view.len) / sizeof(trunkline::Sample));
        if (!clip->samples()->empty())
            memcpy(clip->samples()->data(), view.buf,
                   clip->samples()->size() * sizeof(trunkline::Sample));
        PyBuffer_Release(&view);
        return clip;
    }
}

%extend pj::RingAudioPort {
    PyObject *read(size_t maxBytes) {
        auto *core = $self->core();
        const size_t pair = $self->pairBytes();
        size_t pairs = core ? core->pairs.readable() : 0;
        if (pair > 0 && pairs > maxBytes / pair) pairs = maxBytes / pair;
        PyObject *bytes = PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(pairs * pair));
        if (bytes && pairs > 0) core->pairs.read(PyBytes_AS_STRING(bytes), pairs);
        return bytes;
    }
    PyObject *write(PyObject *pcm) {
        Py_buffer view;
        if (PyObject_GetBuffer(pcm, &view, PyBUF_SIMPLE) != 0) return nullptr;
        auto *core = $self->core();
        const size_t samples = static_cast<size_t>(view.len) / sizeof(trunkline::Sample);
        const size_t accepted = core ? core->playout.write(view.buf, samples) : 0;
        PyBuffer_Release(&view);
        return PyLong_FromSize_t(accepted * sizeof(trunkline::Sample));
    }
}

// SWIG gives a struct's member, or a vector's element, as a pointer into it and lets the owner go:
// `call.getInfo().media[0].status` read freed memory. Here each such value keeps its owner alive.
%pythoncode %{
def _owned_by(owner, value):
    if hasattr(value, "this"):
        value._owner = owner
    return value


def _keep_owners_alive(classes):
    def member(attribute):
        get = attribute.fget
        return property(lambda self: _owned_by(self, get(self)), attribute.fset, attribute.fdel)

    def element(get):
        return lambda self, *index: _owned_by(self, get(self, *index))

    def iteration(iterate):
        return lambda self: (_owned_by(self, value) for value in iterate(self))

    for cls in classes:
        for name, attribute in list(vars(cls).items()):
            if isinstance(attribute, property) and name != "thisown":
                setattr(cls, name, member(attribute))
        if "iterator" in vars(cls):
            cls.__iter__ = iteration(cls.__iter__)
            for name in ("__getitem__", "front", "back"):
                if name in vars(cls):
                    setattr(cls, name, element(vars(cls)[name]))


_keep_owners_alive([value for value in list(globals().values()) if isinstance(value, type)])
%}
