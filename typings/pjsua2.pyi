"""Types of pjsua2 as Trunkline builds it (sip/native); written by scripts/stub_pjsua2.py.

Enumerations are plain integers in the binding. Every method may raise `Error`.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

_Bytes = bytes | bytearray | memoryview
_T = TypeVar("_T")

class _Vector(Generic[_T]):
    def __init__(self, items: Iterable[_T] = ...) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T]: ...
    def __getitem__(self, index: int) -> _T: ...
    def append(self, x: _T) -> None: ...
    def push_back(self, x: _T) -> None: ...
    def clear(self) -> None: ...
    def size(self) -> int: ...

class Error(Exception):
    status: int
    title: str
    reason: str
    srcFile: str
    srcLine: int
    def info(self, multi_line: bool = False) -> str: ...

PJ_O_RDONLY: int
PJ_O_WRONLY: int
PJ_O_RDWR: int
PJ_O_APPEND: int
PJ_O_CLOEXEC: int
PJ_O_ASYNC: int
PJ_O_SEQUENTIAL: int
PJ_O_RANDOM: int
PJ_LOG_HAS_DAY_NAME: int
PJ_LOG_HAS_YEAR: int
PJ_LOG_HAS_MONTH: int
PJ_LOG_HAS_DAY_OF_MON: int
PJ_LOG_HAS_TIME: int
PJ_LOG_HAS_MICRO_SEC: int
PJ_LOG_HAS_SENDER: int
PJ_LOG_HAS_NEWLINE: int
PJ_LOG_HAS_CR: int
PJ_LOG_HAS_SPACE: int
PJ_LOG_HAS_COLOR: int
PJ_LOG_HAS_LEVEL_TEXT: int
PJ_LOG_HAS_THREAD_ID: int
PJ_LOG_HAS_THREAD_SWC: int
PJ_LOG_HAS_INDENT: int
PJ_QOS_TYPE_BEST_EFFORT: int
PJ_QOS_TYPE_BACKGROUND: int
PJ_QOS_TYPE_VIDEO: int
PJ_QOS_TYPE_VOICE: int
PJ_QOS_TYPE_CONTROL: int
PJ_QOS_TYPE_SIGNALLING: int
PJ_QOS_PARAM_HAS_DSCP: int
PJ_QOS_PARAM_HAS_SO_PRIO: int
PJ_QOS_PARAM_HAS_WMM: int
PJ_QOS_WMM_PRIO_BULK_EFFORT: int
PJ_QOS_WMM_PRIO_BULK: int
PJ_QOS_WMM_PRIO_VIDEO: int
PJ_QOS_WMM_PRIO_VOICE: int
PJ_TLS_UNKNOWN_CIPHER: int
PJ_TLS_NULL_WITH_NULL_NULL: int
PJ_TLS_RSA_WITH_NULL_MD5: int
PJ_TLS_RSA_WITH_NULL_SHA: int
PJ_TLS_RSA_WITH_NULL_SHA256: int
PJ_TLS_RSA_WITH_RC4_128_MD5: int
PJ_TLS_RSA_WITH_RC4_128_SHA: int
PJ_TLS_RSA_WITH_3DES_EDE_CBC_SHA: int
PJ_TLS_RSA_WITH_AES_128_CBC_SHA: int
PJ_TLS_RSA_WITH_AES_256_CBC_SHA: int
PJ_TLS_RSA_WITH_AES_128_CBC_SHA256: int
PJ_TLS_RSA_WITH_AES_256_CBC_SHA256: int
PJ_TLS_DH_DSS_WITH_3DES_EDE_CBC_SHA: int
PJ_TLS_DH_RSA_WITH_3DES_EDE_CBC_SHA: int
PJ_TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA: int
PJ_TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA: int
PJ_TLS_DH_DSS_WITH_AES_128_CBC_SHA: int
PJ_TLS_DH_RSA_WITH_AES_128_CBC_SHA: int
PJ_TLS_DHE_DSS_WITH_AES_128_CBC_SHA: int
PJ_TLS_DHE_RSA_WITH_AES_128_CBC_SHA: int
PJ_TLS_DH_DSS_WITH_AES_256_CBC_SHA: int
PJ_TLS_DH_RSA_WITH_AES_256_CBC_SHA: int
PJ_TLS_DHE_DSS_WITH_AES_256_CBC_SHA: int
PJ_TLS_DHE_RSA_WITH_AES_256_CBC_SHA: int
PJ_TLS_DH_DSS_WITH_AES_128_CBC_SHA256: int
PJ_TLS_DH_RSA_WITH_AES_128_CBC_SHA256: int
PJ_TLS_DHE_DSS_WITH_AES_128_CBC_SHA256: int
PJ_TLS_DHE_RSA_WITH_AES_128_CBC_SHA256: int
PJ_TLS_DH_DSS_WITH_AES_256_CBC_SHA256: int
PJ_TLS_DH_RSA_WITH_AES_256_CBC_SHA256: int
PJ_TLS_DHE_DSS_WITH_AES_256_CBC_SHA256: int
PJ_TLS_DHE_RSA_WITH_AES_256_CBC_SHA256: int
PJ_TLS_DH_anon_WITH_RC4_128_MD5: int
PJ_TLS_DH_anon_WITH_3DES_EDE_CBC_SHA: int
PJ_TLS_DH_anon_WITH_AES_128_CBC_SHA: int
PJ_TLS_DH_anon_WITH_AES_256_CBC_SHA: int
PJ_TLS_DH_anon_WITH_AES_128_CBC_SHA256: int
PJ_TLS_DH_anon_WITH_AES_256_CBC_SHA256: int
PJ_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: int
PJ_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: int
PJ_TLS_DHE_DSS_WITH_AES_256_GCM_SHA384: int
PJ_TLS_DHE_RSA_WITH_AES_256_GCM_SHA384: int
PJ_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: int
PJ_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: int
PJ_TLS_AES_128_GCM_SHA256: int
PJ_TLS_AES_256_GCM_SHA384: int
PJ_TLS_CHACHA20_POLY1305_SHA256: int
PJ_TLS_RSA_EXPORT_WITH_RC4_40_MD5: int
PJ_TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5: int
PJ_TLS_RSA_WITH_IDEA_CBC_SHA: int
PJ_TLS_RSA_EXPORT_WITH_DES40_CBC_SHA: int
PJ_TLS_RSA_WITH_DES_CBC_SHA: int
PJ_TLS_DH_DSS_EXPORT_WITH_DES40_CBC_SHA: int
PJ_TLS_DH_DSS_WITH_DES_CBC_SHA: int
PJ_TLS_DH_RSA_EXPORT_WITH_DES40_CBC_SHA: int
PJ_TLS_DH_RSA_WITH_DES_CBC_SHA: int
PJ_TLS_DHE_DSS_EXPORT_WITH_DES40_CBC_SHA: int
PJ_TLS_DHE_DSS_WITH_DES_CBC_SHA: int
PJ_TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA: int
PJ_TLS_DHE_RSA_WITH_DES_CBC_SHA: int
PJ_TLS_DH_anon_EXPORT_WITH_RC4_40_MD5: int
PJ_TLS_DH_anon_EXPORT_WITH_DES40_CBC_SHA: int
PJ_TLS_DH_anon_WITH_DES_CBC_SHA: int
PJ_SSL_FORTEZZA_KEA_WITH_NULL_SHA: int
PJ_SSL_FORTEZZA_KEA_WITH_FORTEZZA_CBC_SHA: int
PJ_SSL_FORTEZZA_KEA_WITH_RC4_128_SHA: int
PJ_SSL_CK_RC4_128_WITH_MD5: int
PJ_SSL_CK_RC4_128_EXPORT40_WITH_MD5: int
PJ_SSL_CK_RC2_128_CBC_WITH_MD5: int
PJ_SSL_CK_RC2_128_CBC_EXPORT40_WITH_MD5: int
PJ_SSL_CK_IDEA_128_CBC_WITH_MD5: int
PJ_SSL_CK_DES_64_CBC_WITH_MD5: int
PJ_SSL_CK_DES_192_EDE3_CBC_WITH_MD5: int
PJ_SSL_SOCK_PROTO_DEFAULT: int
PJ_SSL_SOCK_PROTO_SSL2: int
PJ_SSL_SOCK_PROTO_SSL3: int
PJ_SSL_SOCK_PROTO_TLS1: int
PJ_SSL_SOCK_PROTO_TLS1_1: int
PJ_SSL_SOCK_PROTO_TLS1_2: int
PJ_SSL_SOCK_PROTO_TLS1_3: int
PJ_SSL_SOCK_PROTO_SSL23: int
PJ_SSL_SOCK_PROTO_ALL: int
PJ_SSL_SOCK_PROTO_DTLS1: int
PJ_SSL_CERT_NAME_UNKNOWN: int
PJ_SSL_CERT_NAME_RFC822: int
PJ_SSL_CERT_NAME_DNS: int
PJ_SSL_CERT_NAME_URI: int
PJ_SSL_CERT_NAME_IP: int
PJ_SSL_CERT_ESUCCESS: int
PJ_SSL_CERT_EISSUER_NOT_FOUND: int
PJ_SSL_CERT_EUNTRUSTED: int
PJ_SSL_CERT_EVALIDITY_PERIOD: int
PJ_SSL_CERT_EINVALID_FORMAT: int
PJ_SSL_CERT_EINVALID_PURPOSE: int
PJ_SSL_CERT_EISSUER_MISMATCH: int
PJ_SSL_CERT_ECRL_FAILURE: int
PJ_SSL_CERT_EREVOKED: int
PJ_SSL_CERT_ECHAIN_TOO_LONG: int
PJ_SSL_CERT_EWEAK_SIGNATURE: int
PJ_SSL_CERT_EIDENTITY_NOT_MATCH: int
PJ_SSL_CERT_EUNKNOWN: int
PJ_SSL_CERT_LOOKUP_NONE: int
PJ_SSL_CERT_LOOKUP_SUBJECT: int
PJ_SSL_CERT_LOOKUP_FINGERPRINT: int
PJ_SSL_CERT_LOOKUP_FRIENDLY_NAME: int
PJ_SSL_CERT_DIRECT_NONE: int
PJ_SSL_CERT_DIRECT_OPENSSL_EVP_PKEY: int
PJ_SSL_CERT_DIRECT_OPENSSL_X509_CERT: int
PJ_SUCCESS: int
PJ_TRUE: int
PJ_FALSE: int
PJ_ICE_SESS_TRICKLE_DISABLED: int
PJ_ICE_SESS_TRICKLE_HALF: int
PJ_ICE_SESS_TRICKLE_FULL: int
PJ_STUN_NAT_TYPE_UNKNOWN: int
PJ_STUN_NAT_TYPE_ERR_UNKNOWN: int
PJ_STUN_NAT_TYPE_OPEN: int
PJ_STUN_NAT_TYPE_BLOCKED: int
PJ_STUN_NAT_TYPE_SYMMETRIC_UDP: int
PJ_STUN_NAT_TYPE_FULL_CONE: int
PJ_STUN_NAT_TYPE_SYMMETRIC: int
PJ_STUN_NAT_TYPE_RESTRICTED: int
PJ_STUN_NAT_TYPE_PORT_RESTRICTED: int
PJ_TURN_TP_UDP: int
PJ_TURN_TP_TCP: int
PJ_TURN_TP_TLS: int
PJMEDIA_CONF_OP_UNKNOWN: int
PJMEDIA_CONF_OP_ADD_PORT: int
PJMEDIA_CONF_OP_REMOVE_PORT: int
PJMEDIA_CONF_OP_CONNECT_PORTS: int
PJMEDIA_CONF_OP_DISCONNECT_PORTS: int
PJMEDIA_CONF_OP_ADJUST_CONN_LEVEL: int
PJMEDIA_ECHO_DEFAULT: int
PJMEDIA_ECHO_SPEEX: int
PJMEDIA_ECHO_SIMPLE: int
PJMEDIA_ECHO_WEBRTC: int
PJMEDIA_ECHO_WEBRTC_AEC3: int
PJMEDIA_ECHO_ALGO_MASK: int
PJMEDIA_ECHO_NO_LOCK: int
PJMEDIA_ECHO_USE_SIMPLE_FIFO: int
PJMEDIA_ECHO_USE_SW_ECHO: int
PJMEDIA_ECHO_USE_NOISE_SUPPRESSOR: int
PJMEDIA_ECHO_USE_GAIN_CONTROLLER: int
PJMEDIA_ECHO_AGGRESSIVENESS_DEFAULT: int
PJMEDIA_ECHO_AGGRESSIVENESS_CONSERVATIVE: int
PJMEDIA_ECHO_AGGRESSIVENESS_MODERATE: int
PJMEDIA_ECHO_AGGRESSIVENESS_AGGRESSIVE: int
PJMEDIA_ECHO_AGGRESSIVENESS_MASK: int
PJMEDIA_EVENT_NONE: int
PJMEDIA_EVENT_FMT_CHANGED: int
PJMEDIA_EVENT_WND_CLOSING: int
PJMEDIA_EVENT_WND_CLOSED: int
PJMEDIA_EVENT_WND_RESIZED: int
PJMEDIA_EVENT_MOUSE_BTN_DOWN: int
PJMEDIA_EVENT_KEYFRAME_FOUND: int
PJMEDIA_EVENT_KEYFRAME_MISSING: int
PJMEDIA_EVENT_ORIENT_CHANGED: int
PJMEDIA_EVENT_RX_RTCP_FB: int
PJMEDIA_EVENT_AUD_DEV_ERROR: int
PJMEDIA_EVENT_VID_DEV_ERROR: int
PJMEDIA_EVENT_MEDIA_TP_ERR: int
PJMEDIA_EVENT_CALLBACK: int
PJMEDIA_FORMAT_L16: int
PJMEDIA_FORMAT_PCM: int
PJMEDIA_FORMAT_PCMA: int
PJMEDIA_FORMAT_ALAW: int
PJMEDIA_FORMAT_PCMU: int
PJMEDIA_FORMAT_ULAW: int
PJMEDIA_FORMAT_AMR: int
PJMEDIA_FORMAT_G722: int
PJMEDIA_FORMAT_G729: int
PJMEDIA_FORMAT_ILBC: int
PJMEDIA_FORMAT_RGB24: int
PJMEDIA_FORMAT_RGBA: int
PJMEDIA_FORMAT_BGRA: int
PJMEDIA_FORMAT_RGB32: int
PJMEDIA_FORMAT_DIB: int
PJMEDIA_FORMAT_GBRP: int
PJMEDIA_FORMAT_AYUV: int
PJMEDIA_FORMAT_YUY2: int
PJMEDIA_FORMAT_UYVY: int
PJMEDIA_FORMAT_YVYU: int
PJMEDIA_FORMAT_I420: int
PJMEDIA_FORMAT_IYUV: int
PJMEDIA_FORMAT_YV12: int
PJMEDIA_FORMAT_NV12: int
PJMEDIA_FORMAT_NV21: int
PJMEDIA_FORMAT_I422: int
PJMEDIA_FORMAT_I420JPEG: int
PJMEDIA_FORMAT_I422JPEG: int
PJMEDIA_FORMAT_H261: int
PJMEDIA_FORMAT_H263: int
PJMEDIA_FORMAT_H263P: int
PJMEDIA_FORMAT_H264: int
PJMEDIA_FORMAT_VP8: int
PJMEDIA_FORMAT_VP9: int
PJMEDIA_FORMAT_MJPEG: int
PJMEDIA_FORMAT_MPEG1VIDEO: int
PJMEDIA_FORMAT_MPEG2VIDEO: int
PJMEDIA_FORMAT_MPEG4: int
PJMEDIA_FORMAT_INVALID: int
PJMEDIA_FRAME_TYPE_NONE: int
PJMEDIA_FRAME_TYPE_AUDIO: int
PJMEDIA_FRAME_TYPE_EXTENDED: int
PJMEDIA_FRAME_TYPE_VIDEO: int
PJMEDIA_JB_DISCARD_NONE: int
PJMEDIA_JB_DISCARD_STATIC: int
PJMEDIA_JB_DISCARD_PROGRESSIVE: int
PJMEDIA_RTCP_FB_ACK: int
PJMEDIA_RTCP_FB_NACK: int
PJMEDIA_RTCP_FB_TRR_INT: int
PJMEDIA_RTCP_FB_OTHER: int
PJMEDIA_SRTP_DISABLED: int
PJMEDIA_SRTP_UNKNOWN: int
PJMEDIA_SRTP_OPTIONAL: int
PJMEDIA_SRTP_MANDATORY: int
PJMEDIA_SRTP_NO_ENCRYPTION: int
PJMEDIA_SRTP_NO_AUTHENTICATION: int
PJMEDIA_SRTP_KEYING_SDES: int
PJMEDIA_SRTP_KEYING_DTLS_SRTP: int
PJMEDIA_SRTP_KEYINGS_COUNT: int
PJMEDIA_TYPE_NONE: int
PJMEDIA_TYPE_AUDIO: int
PJMEDIA_TYPE_VIDEO: int
PJMEDIA_TYPE_TEXT: int
PJMEDIA_TYPE_APPLICATION: int
PJMEDIA_TYPE_UNKNOWN: int
PJMEDIA_DIR_NONE: int
PJMEDIA_DIR_ENCODING: int
PJMEDIA_DIR_CAPTURE: int
PJMEDIA_DIR_DECODING: int
PJMEDIA_DIR_PLAYBACK: int
PJMEDIA_DIR_RENDER: int
PJMEDIA_DIR_ENCODING_DECODING: int
PJMEDIA_DIR_CAPTURE_PLAYBACK: int
PJMEDIA_DIR_CAPTURE_RENDER: int
PJMEDIA_TP_PROTO_NONE: int
PJMEDIA_TP_PROTO_UNKNOWN: int
PJMEDIA_TP_PROTO_UDP: int
PJMEDIA_TP_PROTO_RTP: int
PJMEDIA_TP_PROTO_DTLS: int
PJMEDIA_TP_PROFILE_RTCP_FB: int
PJMEDIA_TP_PROFILE_SRTP: int
PJMEDIA_TP_PROFILE_AVP: int
PJMEDIA_TP_PROTO_RTP_AVP: int
PJMEDIA_TP_PROTO_RTP_SAVP: int
PJMEDIA_TP_PROTO_DTLS_SRTP: int
PJMEDIA_TP_PROTO_RTP_AVPF: int
PJMEDIA_TP_PROTO_RTP_SAVPF: int
PJMEDIA_TP_PROTO_DTLS_SRTPF: int
PJMEDIA_ORIENT_UNKNOWN: int
PJMEDIA_ORIENT_NATURAL: int
PJMEDIA_ORIENT_ROTATE_90DEG: int
PJMEDIA_ORIENT_ROTATE_180DEG: int
PJMEDIA_ORIENT_ROTATE_270DEG: int
PJMEDIA_VID_DEV_HWND_TYPE_NONE: int
PJMEDIA_VID_DEV_HWND_TYPE_WINDOWS: int
PJMEDIA_VID_DEV_HWND_TYPE_COCOA: int
PJMEDIA_VID_DEV_HWND_TYPE_IOS: int
PJMEDIA_VID_DEV_HWND_TYPE_ANDROID: int
PJMEDIA_VID_PACKING_UNKNOWN: int
PJMEDIA_VID_PACKING_PACKETS: int
PJMEDIA_VID_PACKING_WHOLE: int
PJMEDIA_VID_CONF_OP_UNKNOWN: int
PJMEDIA_VID_CONF_OP_ADD_PORT: int
PJMEDIA_VID_CONF_OP_REMOVE_PORT: int
PJMEDIA_VID_CONF_OP_CONNECT_PORTS: int
PJMEDIA_VID_CONF_OP_DISCONNECT_PORTS: int
PJMEDIA_VID_CONF_OP_UPDATE_PORT: int
PJMEDIA_VID_STREAM_RC_NONE: int
PJMEDIA_VID_STREAM_RC_SIMPLE_BLOCKING: int
PJMEDIA_VID_STREAM_RC_SEND_THREAD: int
PJMEDIA_AI_EVENT_CONNECTED: int
PJMEDIA_AI_EVENT_DISCONNECTED: int
PJMEDIA_AI_EVENT_TRANSCRIPT: int
PJMEDIA_AI_EVENT_RESPONSE_START: int
PJMEDIA_AI_EVENT_RESPONSE_DONE: int
PJMEDIA_AI_EVENT_SPEECH_STARTED: int
PJMEDIA_AI_EVENT_SPEECH_STOPPED: int
PJMEDIA_FILE_WRITE_PCM: int
PJMEDIA_FILE_WRITE_ALAW: int
PJMEDIA_FILE_WRITE_ULAW: int
PJMEDIA_FILE_NO_LOOP: int
PJMEDIA_FILE_NO_LOCK: int
PJMEDIA_AUD_DEV_ROUTE_DEFAULT: int
PJMEDIA_AUD_DEV_ROUTE_LOUDSPEAKER: int
PJMEDIA_AUD_DEV_ROUTE_EARPIECE: int
PJMEDIA_AUD_DEV_ROUTE_BLUETOOTH: int
PJMEDIA_AUD_DEV_ROUTE_CUSTOM: int
PJMEDIA_AUD_DEV_CAP_EXT_FORMAT: int
PJMEDIA_AUD_DEV_CAP_INPUT_LATENCY: int
PJMEDIA_AUD_DEV_CAP_OUTPUT_LATENCY: int
PJMEDIA_AUD_DEV_CAP_INPUT_VOLUME_SETTING: int
PJMEDIA_AUD_DEV_CAP_OUTPUT_VOLUME_SETTING: int
PJMEDIA_AUD_DEV_CAP_INPUT_SIGNAL_METER: int
PJMEDIA_AUD_DEV_CAP_OUTPUT_SIGNAL_METER: int
PJMEDIA_AUD_DEV_CAP_INPUT_ROUTE: int
PJMEDIA_AUD_DEV_CAP_INPUT_SOURCE: int
PJMEDIA_AUD_DEV_CAP_OUTPUT_ROUTE: int
PJMEDIA_AUD_DEV_CAP_EC: int
PJMEDIA_AUD_DEV_CAP_EC_TAIL: int
PJMEDIA_AUD_DEV_CAP_VAD: int
PJMEDIA_AUD_DEV_CAP_CNG: int
PJMEDIA_AUD_DEV_CAP_PLC: int
PJMEDIA_AUD_DEV_CAP_MAX: int
PJMEDIA_VID_DEFAULT_CAPTURE_DEV: int
PJMEDIA_VID_DEFAULT_RENDER_DEV: int
PJMEDIA_VID_INVALID_DEV: int
PJMEDIA_VID_DEV_CAP_FORMAT: int
PJMEDIA_VID_DEV_CAP_INPUT_SCALE: int
PJMEDIA_VID_DEV_CAP_OUTPUT_WINDOW: int
PJMEDIA_VID_DEV_CAP_OUTPUT_RESIZE: int
PJMEDIA_VID_DEV_CAP_OUTPUT_POSITION: int
PJMEDIA_VID_DEV_CAP_OUTPUT_HIDE: int
PJMEDIA_VID_DEV_CAP_INPUT_PREVIEW: int
PJMEDIA_VID_DEV_CAP_ORIENTATION: int
PJMEDIA_VID_DEV_CAP_SWITCH: int
PJMEDIA_VID_DEV_CAP_OUTPUT_WINDOW_FLAGS: int
PJMEDIA_VID_DEV_CAP_OUTPUT_FULLSCREEN: int
PJMEDIA_VID_DEV_CAP_MAX: int
PJMEDIA_VID_DEV_WINDOWED: int
PJMEDIA_VID_DEV_FULLSCREEN: int
PJMEDIA_VID_DEV_FULLSCREEN_DESKTOP: int
PJSIP_CRED_DATA_PLAIN_PASSWD: int
PJSIP_CRED_DATA_DIGEST: int
PJSIP_CRED_DATA_EXT_AKA: int
PJSIP_AUTH_ALGORITHM_NOT_SET: int
PJSIP_AUTH_ALGORITHM_MD5: int
PJSIP_AUTH_ALGORITHM_SHA256: int
PJSIP_AUTH_ALGORITHM_SHA512_256: int
PJSIP_AUTH_ALGORITHM_AKAV1_MD5: int
PJSIP_AUTH_ALGORITHM_AKAV2_MD5: int
PJSIP_AUTH_ALGORITHM_COUNT: int
PJSIP_DIALOG_CAP_UNSUPPORTED: int
PJSIP_DIALOG_CAP_SUPPORTED: int
PJSIP_DIALOG_CAP_UNKNOWN: int
PJSIP_EVENT_UNKNOWN: int
PJSIP_EVENT_TIMER: int
PJSIP_EVENT_TX_MSG: int
PJSIP_EVENT_RX_MSG: int
PJSIP_EVENT_TRANSPORT_ERROR: int
PJSIP_EVENT_TSX_STATE: int
PJSIP_EVENT_USER: int
PJSIP_SC_NULL: int
PJSIP_SC_TRYING: int
PJSIP_SC_RINGING: int
PJSIP_SC_CALL_BEING_FORWARDED: int
PJSIP_SC_QUEUED: int
PJSIP_SC_PROGRESS: int
PJSIP_SC_EARLY_DIALOG_TERMINATED: int
PJSIP_SC_OK: int
PJSIP_SC_ACCEPTED: int
PJSIP_SC_NO_NOTIFICATION: int
PJSIP_SC_MULTIPLE_CHOICES: int
PJSIP_SC_MOVED_PERMANENTLY: int
PJSIP_SC_MOVED_TEMPORARILY: int
PJSIP_SC_USE_PROXY: int
PJSIP_SC_ALTERNATIVE_SERVICE: int
PJSIP_SC_BAD_REQUEST: int
PJSIP_SC_UNAUTHORIZED: int
PJSIP_SC_PAYMENT_REQUIRED: int
PJSIP_SC_FORBIDDEN: int
PJSIP_SC_NOT_FOUND: int
PJSIP_SC_METHOD_NOT_ALLOWED: int
PJSIP_SC_NOT_ACCEPTABLE: int
PJSIP_SC_PROXY_AUTHENTICATION_REQUIRED: int
PJSIP_SC_REQUEST_TIMEOUT: int
PJSIP_SC_CONFLICT: int
PJSIP_SC_GONE: int
PJSIP_SC_LENGTH_REQUIRED: int
PJSIP_SC_CONDITIONAL_REQUEST_FAILED: int
PJSIP_SC_REQUEST_ENTITY_TOO_LARGE: int
PJSIP_SC_REQUEST_URI_TOO_LONG: int
PJSIP_SC_UNSUPPORTED_MEDIA_TYPE: int
PJSIP_SC_UNSUPPORTED_URI_SCHEME: int
PJSIP_SC_UNKNOWN_RESOURCE_PRIORITY: int
PJSIP_SC_BAD_EXTENSION: int
PJSIP_SC_EXTENSION_REQUIRED: int
PJSIP_SC_SESSION_TIMER_TOO_SMALL: int
PJSIP_SC_INTERVAL_TOO_BRIEF: int
PJSIP_SC_BAD_LOCATION_INFORMATION: int
PJSIP_SC_USE_IDENTITY_HEADER: int
PJSIP_SC_PROVIDE_REFERRER_HEADER: int
PJSIP_SC_FLOW_FAILED: int
PJSIP_SC_ANONIMITY_DISALLOWED: int
PJSIP_SC_BAD_IDENTITY_INFO: int
PJSIP_SC_UNSUPPORTED_CERTIFICATE: int
PJSIP_SC_INVALID_IDENTITY_HEADER: int
PJSIP_SC_FIRST_HOP_LACKS_OUTBOUND_SUPPORT: int
PJSIP_SC_MAX_BREADTH_EXCEEDED: int
PJSIP_SC_BAD_INFO_PACKAGE: int
PJSIP_SC_CONSENT_NEEDED: int
PJSIP_SC_TEMPORARILY_UNAVAILABLE: int
PJSIP_SC_CALL_TSX_DOES_NOT_EXIST: int
PJSIP_SC_LOOP_DETECTED: int
PJSIP_SC_TOO_MANY_HOPS: int
PJSIP_SC_ADDRESS_INCOMPLETE: int
PJSIP_AC_AMBIGUOUS: int
PJSIP_SC_BUSY_HERE: int
PJSIP_SC_REQUEST_TERMINATED: int
PJSIP_SC_NOT_ACCEPTABLE_HERE: int
PJSIP_SC_BAD_EVENT: int
PJSIP_SC_REQUEST_UPDATED: int
PJSIP_SC_REQUEST_PENDING: int
PJSIP_SC_UNDECIPHERABLE: int
PJSIP_SC_SECURITY_AGREEMENT_NEEDED: int
PJSIP_SC_INTERNAL_SERVER_ERROR: int
PJSIP_SC_NOT_IMPLEMENTED: int
PJSIP_SC_BAD_GATEWAY: int
PJSIP_SC_SERVICE_UNAVAILABLE: int
PJSIP_SC_SERVER_TIMEOUT: int
PJSIP_SC_VERSION_NOT_SUPPORTED: int
PJSIP_SC_MESSAGE_TOO_LARGE: int
PJSIP_SC_PUSH_NOTIFICATION_SERVICE_NOT_SUPPORTED: int
PJSIP_SC_PRECONDITION_FAILURE: int
PJSIP_SC_BUSY_EVERYWHERE: int
PJSIP_SC_DECLINE: int
PJSIP_SC_DOES_NOT_EXIST_ANYWHERE: int
PJSIP_SC_NOT_ACCEPTABLE_ANYWHERE: int
PJSIP_SC_UNWANTED: int
PJSIP_SC_REJECTED: int
PJSIP_SC_TSX_TIMEOUT: int
PJSIP_SC_TSX_TRANSPORT_ERROR: int
PJSIP_SC__force_32bit: int
PJSIP_H_ACCEPT: int
PJSIP_H_ACCEPT_ENCODING_UNIMP: int
PJSIP_H_ACCEPT_LANGUAGE_UNIMP: int
PJSIP_H_ALERT_INFO_UNIMP: int
PJSIP_H_ALLOW: int
PJSIP_H_AUTHENTICATION_INFO_UNIMP: int
PJSIP_H_AUTHORIZATION: int
PJSIP_H_CALL_ID: int
PJSIP_H_CALL_INFO_UNIMP: int
PJSIP_H_CONTACT: int
PJSIP_H_CONTENT_DISPOSITION_UNIMP: int
PJSIP_H_CONTENT_ENCODING_UNIMP: int
PJSIP_H_CONTENT_LANGUAGE_UNIMP: int
PJSIP_H_CONTENT_LENGTH: int
PJSIP_H_CONTENT_TYPE: int
PJSIP_H_CSEQ: int
PJSIP_H_DATE_UNIMP: int
PJSIP_H_ERROR_INFO_UNIMP: int
PJSIP_H_EXPIRES: int
PJSIP_H_FROM: int
PJSIP_H_IN_REPLY_TO_UNIMP: int
PJSIP_H_MAX_FORWARDS: int
PJSIP_H_MIME_VERSION_UNIMP: int
PJSIP_H_MIN_EXPIRES: int
PJSIP_H_ORGANIZATION_UNIMP: int
PJSIP_H_PRIORITY_UNIMP: int
PJSIP_H_PROXY_AUTHENTICATE: int
PJSIP_H_PROXY_AUTHORIZATION: int
PJSIP_H_PROXY_REQUIRE_UNIMP: int
PJSIP_H_RECORD_ROUTE: int
PJSIP_H_REPLY_TO_UNIMP: int
PJSIP_H_REQUIRE: int
PJSIP_H_RETRY_AFTER: int
PJSIP_H_ROUTE: int
PJSIP_H_SERVER_UNIMP: int
PJSIP_H_SUBJECT_UNIMP: int
PJSIP_H_SUPPORTED: int
PJSIP_H_TIMESTAMP_UNIMP: int
PJSIP_H_TO: int
PJSIP_H_UNSUPPORTED: int
PJSIP_H_USER_AGENT_UNIMP: int
PJSIP_H_VIA: int
PJSIP_H_WARNING_UNIMP: int
PJSIP_H_WWW_AUTHENTICATE: int
PJSIP_H_OTHER: int
PJSIP_TSX_STATE_NULL: int
PJSIP_TSX_STATE_CALLING: int
PJSIP_TSX_STATE_TRYING: int
PJSIP_TSX_STATE_PROCEEDING: int
PJSIP_TSX_STATE_COMPLETED: int
PJSIP_TSX_STATE_CONFIRMED: int
PJSIP_TSX_STATE_TERMINATED: int
PJSIP_TSX_STATE_DESTROYED: int
PJSIP_TSX_STATE_MAX: int
PJSIP_TRANSPORT_UNSPECIFIED: int
PJSIP_TRANSPORT_UDP: int
PJSIP_TRANSPORT_TCP: int
PJSIP_TRANSPORT_TLS: int
PJSIP_TRANSPORT_DTLS: int
PJSIP_TRANSPORT_SCTP: int
PJSIP_TRANSPORT_LOOP: int
PJSIP_TRANSPORT_LOOP_DGRAM: int
PJSIP_TRANSPORT_START_OTHER: int
PJSIP_TRANSPORT_IPV6: int
PJSIP_TRANSPORT_UDP6: int
PJSIP_TRANSPORT_TCP6: int
PJSIP_TRANSPORT_TLS6: int
PJSIP_TRANSPORT_DTLS6: int
PJSIP_TRANSPORT_RELIABLE: int
PJSIP_TRANSPORT_SECURE: int
PJSIP_TRANSPORT_DATAGRAM: int
PJSIP_TP_STATE_CONNECTED: int
PJSIP_TP_STATE_DISCONNECTED: int
PJSIP_TP_STATE_SHUTDOWN: int
PJSIP_TP_STATE_DESTROY: int
PJSIP_SSL_UNSPECIFIED_METHOD: int
PJSIP_SSLV2_METHOD: int
PJSIP_SSLV3_METHOD: int
PJSIP_TLSV1_METHOD: int
PJSIP_TLSV1_1_METHOD: int
PJSIP_TLSV1_2_METHOD: int
PJSIP_TLSV1_3_METHOD: int
PJSIP_SSLV23_METHOD: int
PJSIP_ROLE_UAC: int
PJSIP_ROLE_UAS: int
PJSIP_UAC_ROLE: int
PJSIP_UAS_ROLE: int
PJSIP_REDIRECT_REJECT: int
PJSIP_REDIRECT_ACCEPT: int
PJSIP_REDIRECT_ACCEPT_REPLACE: int
PJSIP_REDIRECT_PENDING: int
PJSIP_REDIRECT_STOP: int
PJSIP_EVSUB_STATE_NULL: int
PJSIP_EVSUB_STATE_SENT: int
PJSIP_EVSUB_STATE_ACCEPTED: int
PJSIP_EVSUB_STATE_PENDING: int
PJSIP_EVSUB_STATE_ACTIVE: int
PJSIP_EVSUB_STATE_TERMINATED: int
PJSIP_EVSUB_STATE_UNKNOWN: int
PJRPID_ACTIVITY_UNKNOWN: int
PJRPID_ACTIVITY_AWAY: int
PJRPID_ACTIVITY_BUSY: int
PJSIP_INV_STATE_NULL: int
PJSIP_INV_STATE_CALLING: int
PJSIP_INV_STATE_INCOMING: int
PJSIP_INV_STATE_EARLY: int
PJSIP_INV_STATE_CONNECTING: int
PJSIP_INV_STATE_CONFIRMED: int
PJSIP_INV_STATE_DISCONNECTED: int
PJSUA_INVALID_ID: int
PJSUA_STATE_NULL: int
PJSUA_STATE_CREATED: int
PJSUA_STATE_INIT: int
PJSUA_STATE_STARTING: int
PJSUA_STATE_RUNNING: int
PJSUA_STATE_CLOSING: int
PJSUA_STUN_USE_DEFAULT: int
PJSUA_STUN_USE_DISABLED: int
PJSUA_STUN_RETRY_ON_FAILURE: int
PJSUA_UPNP_USE_DEFAULT: int
PJSUA_UPNP_USE_DISABLED: int
PJSUA_CALL_HOLD_TYPE_RFC3264: int
PJSUA_CALL_HOLD_TYPE_RFC2543: int
PJSUA_DESTROY_NO_RX_MSG: int
PJSUA_DESTROY_NO_TX_MSG: int
PJSUA_DESTROY_NO_NETWORK: int
PJSUA_100REL_NOT_USED: int
PJSUA_100REL_MANDATORY: int
PJSUA_100REL_OPTIONAL: int
PJSUA_SIP_TIMER_INACTIVE: int
PJSUA_SIP_TIMER_OPTIONAL: int
PJSUA_SIP_TIMER_REQUIRED: int
PJSUA_SIP_TIMER_ALWAYS: int
PJSUA_IPV6_DISABLED: int
PJSUA_IPV6_ENABLED: int
PJSUA_IPV6_ENABLED_NO_PREFERENCE: int
PJSUA_IPV6_ENABLED_PREFER_IPV4: int
PJSUA_IPV6_ENABLED_PREFER_IPV6: int
PJSUA_IPV6_ENABLED_USE_IPV6_ONLY: int
PJSUA_NAT64_DISABLED: int
PJSUA_NAT64_ENABLED: int
PJSUA_BUDDY_STATUS_UNKNOWN: int
PJSUA_BUDDY_STATUS_ONLINE: int
PJSUA_BUDDY_STATUS_OFFLINE: int
PJSUA_CALL_MEDIA_NONE: int
PJSUA_CALL_MEDIA_ACTIVE: int
PJSUA_CALL_MEDIA_LOCAL_HOLD: int
PJSUA_CALL_MEDIA_REMOTE_HOLD: int
PJSUA_CALL_MEDIA_ERROR: int
PJSUA_MED_TP_NULL: int
PJSUA_MED_TP_CREATING: int
PJSUA_MED_TP_IDLE: int
PJSUA_MED_TP_INIT: int
PJSUA_MED_TP_RUNNING: int
PJSUA_MED_TP_DISABLED: int
PJSUA_CALL_VID_STRM_NO_OP: int
PJSUA_CALL_VID_STRM_ADD: int
PJSUA_CALL_VID_STRM_REMOVE: int
PJSUA_CALL_VID_STRM_CHANGE_DIR: int
PJSUA_CALL_VID_STRM_CHANGE_CAP_DEV: int
PJSUA_CALL_VID_STRM_START_TRANSMIT: int
PJSUA_CALL_VID_STRM_STOP_TRANSMIT: int
PJSUA_CALL_VID_STRM_SEND_KEYFRAME: int
PJSUA_VID_REQ_KEYFRAME_SIP_INFO: int
PJSUA_VID_REQ_KEYFRAME_RTCP_PLI: int
PJSUA_CALL_UNHOLD: int
PJSUA_CALL_UPDATE_CONTACT: int
PJSUA_CALL_INCLUDE_DISABLED_MEDIA: int
PJSUA_CALL_NO_SDP_OFFER: int
PJSUA_CALL_REINIT_MEDIA: int
PJSUA_CALL_UPDATE_VIA: int
PJSUA_CALL_UPDATE_TARGET: int
PJSUA_CALL_SET_MEDIA_DIR: int
PJSUA_CALL_NO_MEDIA_SYNC: int
PJSUA_MED_TP_CLOSE_MEMBER: int
PJSUA_SND_DEFAULT_CAPTURE_DEV: int
PJSUA_SND_DEFAULT_PLAYBACK_DEV: int
PJSUA_SND_NO_DEV: int
PJSUA_SND_NULL_DEV: int
PJSUA_SND_DEV_SPEAKER_ONLY: int
PJSUA_SND_DEV_NO_IMMEDIATE_OPEN: int
PJSUA_IP_CHANGE_OP_NULL: int
PJSUA_IP_CHANGE_OP_SHUTDOWN_TP: int
PJSUA_IP_CHANGE_OP_RESTART_LIS: int
PJSUA_IP_CHANGE_OP_ACC_SHUTDOWN_TP: int
PJSUA_IP_CHANGE_OP_ACC_UPDATE_CONTACT: int
PJSUA_IP_CHANGE_OP_ACC_HANGUP_CALLS: int
PJSUA_IP_CHANGE_OP_ACC_REINVITE_CALLS: int
PJSUA_IP_CHANGE_OP_COMPLETED: int
PJSUA_DTMF_METHOD_RFC2833: int
PJSUA_DTMF_METHOD_SIP_INFO: int
PJSUA_SIP_SIPREC_INACTIVE: int
PJSUA_SIP_SIPREC_OPTIONAL: int
PJSUA_SIP_SIPREC_MANDATORY: int
INVALID_ID: int
def answer_options_with(status: int) -> None: ...
def pj_log_set_level(level: int) -> None: ...

class StringVector(_Vector[str]): ...

class IntVector(_Vector[int]): ...

class pj_qos_params:
    flags: int
    dscp_val: int
    so_prio: int
    wmm_prio: int
    def __init__(self) -> None: ...

class pjmedia_tone_digit:
    digit: int
    on_msec: int
    off_msec: int
    volume: int
    def __init__(self) -> None: ...

class pjmedia_tone_digit_map:
    count: int
    def __init__(self) -> None: ...

class pjmedia_tone_desc:
    freq1: int
    freq2: int
    on_msec: int
    off_msec: int
    volume: int
    flags: int
    def __init__(self) -> None: ...

class Version:
    major: int
    minor: int
    rev: int
    suffix: str
    full: str
    numeric: int
    def __init__(self) -> None: ...

class TimeVal:
    sec: int
    msec: int
    def __init__(self) -> None: ...

class AuthCredInfo:
    scheme: str
    realm: str
    username: str
    dataType: int
    data: str
    algoType: int
    akaK: str
    akaOp: str
    akaAmf: str
    def __init__(self, *args: Any) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class SockOpt:
    level: int
    optName: int
    def __init__(self, *args: Any) -> None: ...
    def setOptValInt(self, opt_val: int) -> None: ...

class SockOptParams:
    sockOpts: SockOptVector
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class TlsConfig:
    CaListFile: str
    certFile: str
    privKeyFile: str
    password: str
    CaBuf: str
    certBuf: str
    privKeyBuf: str
    certLookupType: int
    certLookupKeyword: str
    credDirectType: int
    privKeyDirect: int
    certDirect: int
    method: int
    proto: int
    ciphers: IntVector
    verifyServer: bool
    verifyClient: bool
    requireClientCert: bool
    msecTimeout: int
    qosType: int
    qosParams: pj_qos_params
    qosIgnoreError: bool
    sockOptParams: SockOptParams
    sockOptIgnoreError: bool
    enableRenegotiation: bool
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class TransportConfig:
    port: int
    portRange: int
    randomizePort: bool
    publicAddress: str
    boundAddress: str
    tlsConfig: TlsConfig
    qosType: int
    qosParams: pj_qos_params
    sockOptParams: SockOptParams
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class TransportInfo:
    id: int
    type: int
    typeName: str
    info: str
    flags: int
    localAddress: str
    localName: str
    usageCount: int
    def __init__(self) -> None: ...

class SipRxData:
    info: str
    wholeMsg: str
    srcAddress: str
    pjRxData: int
    def __init__(self) -> None: ...

class SipTxData:
    info: str
    wholeMsg: str
    dstAddress: str
    pjTxData: int
    def __init__(self) -> None: ...

class SipTransaction:
    role: int
    method: str
    statusCode: int
    statusText: str
    state: int
    lastTx: SipTxData
    pjTransaction: int
    def __init__(self) -> None: ...

class TimerEvent:
    entry: Any
    def __init__(self) -> None: ...

class TsxStateEventSrc:
    rdata: SipRxData
    tdata: SipTxData
    timer: Any
    status: int
    data: Any
    def __init__(self) -> None: ...

class TsxStateEvent:
    src: TsxStateEventSrc
    tsx: SipTransaction
    prevState: int
    type: int
    def __init__(self) -> None: ...

class TxMsgEvent:
    tdata: SipTxData
    def __init__(self) -> None: ...

class TxErrorEvent:
    tdata: SipTxData
    tsx: SipTransaction
    def __init__(self) -> None: ...

class RxMsgEvent:
    rdata: SipRxData
    def __init__(self) -> None: ...

class UserEvent:
    user1: Any
    user2: Any
    user3: Any
    user4: Any
    def __init__(self) -> None: ...

class SipEventBody:
    timer: TimerEvent
    tsxState: TsxStateEvent
    txMsg: TxMsgEvent
    txError: TxErrorEvent
    rxMsg: RxMsgEvent
    user: UserEvent
    def __init__(self) -> None: ...

class SipEvent:
    type: int
    body: SipEventBody
    pjEvent: int
    def __init__(self) -> None: ...

class SipMediaType:
    type: str
    subType: str
    def __init__(self) -> None: ...

class SipHeader:
    hName: str
    hValue: str
    def __init__(self) -> None: ...

class SipMultipartPart:
    headers: SipHeaderVector
    contentType: SipMediaType
    body: str
    def __init__(self) -> None: ...

class SipTxOption:
    targetUri: str
    localUri: str
    contactUri: str
    headers: SipHeaderVector
    contentType: str
    msgBody: str
    multipartContentType: SipMediaType
    multipartParts: SipMultipartPartVector
    def isEmpty(self) -> bool: ...
    def __init__(self) -> None: ...

class SendInstantMessageParam:
    contentType: str
    content: str
    txOption: SipTxOption
    userData: int
    def __init__(self) -> None: ...

class SendTypingIndicationParam:
    isTyping: bool
    txOption: SipTxOption
    def __init__(self) -> None: ...

class SockOptVector(_Vector[SockOpt]): ...

class SipHeaderVector(_Vector[SipHeader]): ...

class AuthCredInfoVector(_Vector[AuthCredInfo]): ...

class SrtpCryptoVector(_Vector[SrtpCrypto]): ...

class SipMultipartPartVector(_Vector[SipMultipartPart]): ...

class BuddyVector(_Vector[Buddy]): ...

class BuddyVector2(_Vector[Buddy]): ...

class AudioMediaVector(_Vector[AudioMedia]): ...

class AudioMediaVector2(_Vector[AudioMedia]): ...

class ToneDescVector(_Vector[ToneDesc]): ...

class ToneDigitVector(_Vector[ToneDigit]): ...

class ToneDigitMapVector(_Vector[ToneDigitMapDigit]): ...

class AudioDevInfoVector(_Vector[AudioDevInfo]): ...

class AudioDevInfoVector2(_Vector[AudioDevInfo]): ...

class CodecInfoVector(_Vector[CodecInfo]): ...

class CodecInfoVector2(_Vector[CodecInfo]): ...

class CodecFmtpVector(_Vector[CodecFmtp]): ...

class MediaFormatAudioVector(_Vector[MediaFormatAudio]): ...

class CallMediaInfoVector(_Vector[CallMediaInfo]): ...

class RtcpFbCapVector(_Vector[RtcpFbCap]): ...

class SslCertNameVector(_Vector[SslCertName]): ...

class MediaFormat:
    id: int
    type: int
    def __init__(self) -> None: ...

class MediaFormatAudio(MediaFormat):
    clockRate: int
    channelCount: int
    frameTimeUsec: int
    bitsPerSample: int
    avgBps: int
    maxBps: int
    def __init__(self) -> None: ...
    def init(self, formatId: int, clockRate: int, channelCount: int, frameTimeUsec: int, bitsPerSample: int, avgBps: int = ..., maxBps: int = ...) -> None: ...

class ConfPortInfo:
    portId: int
    name: str
    format: MediaFormatAudio
    txLevelAdj: float
    rxLevelAdj: float
    listeners: IntVector
    def __init__(self) -> None: ...

class Media:
    def __init__(self, *args: Any) -> None: ...
    def getType(self) -> int: ...

class AudioMediaTransmitParam:
    level: float
    def __init__(self) -> None: ...

class AudioMedia(Media):
    def getPortInfo(self) -> ConfPortInfo: ...
    def getPortId(self) -> int: ...
    @staticmethod
    def getPortInfoFromId(port_id: int) -> ConfPortInfo: ...
    def startTransmit(self, sink: AudioMedia) -> None: ...
    def startTransmit2(self, sink: AudioMedia, param: AudioMediaTransmitParam) -> None: ...
    def stopTransmit(self, sink: AudioMedia) -> None: ...
    def adjustRxLevel(self, level: float) -> None: ...
    def adjustTxLevel(self, level: float) -> None: ...
    def getRxLevel(self) -> int: ...
    def getTxLevel(self) -> int: ...
    @staticmethod
    def typecastFromMedia(media: Media) -> AudioMedia: ...
    def __init__(self) -> None: ...

class MediaFrame:
    type: int
    buf: Any
    size: int
    def __init__(self) -> None: ...

class AudioMediaPort(AudioMedia):
    def __init__(self) -> None: ...
    def createPort(self, name: str, fmt: MediaFormatAudio) -> None: ...
    def onFrameRequested(self, frame: MediaFrame) -> None: ...
    def onFrameReceived(self, frame: MediaFrame) -> None: ...

class AiMediaEvent:
    type: int
    status: int
    text: str
    def __init__(self) -> None: ...

class AiMediaPortParam:
    vadEnabled: bool
    ptimeMsec: int
    def __init__(self) -> None: ...

class AudioMediaAiPort(AudioMedia):
    def __init__(self) -> None: ...
    def createPort(self, *args: Any) -> None: ...
    def connect(self, url: str, authToken: str) -> None: ...
    def disconnect(self) -> None: ...
    def onEvent(self, event: AiMediaEvent) -> None: ...

class AudioMediaPlayerInfo:
    formatId: int
    payloadBitsPerSample: int
    sizeBytes: int
    sizeSamples: int
    def __init__(self) -> None: ...

class AudioMediaPlayer(AudioMedia):
    def __init__(self) -> None: ...
    def createPlayer(self, file_name: str, options: int = ...) -> None: ...
    def createPlaylist(self, *args: Any) -> None: ...
    def getInfo(self) -> AudioMediaPlayerInfo: ...
    def getPos(self) -> int: ...
    def setPos(self, samples: int) -> None: ...
    @staticmethod
    def typecastFromAudioMedia(media: AudioMedia) -> AudioMediaPlayer: ...
    def onEof2(self) -> None: ...

class AudioMediaRecorder(AudioMedia):
    def __init__(self) -> None: ...
    def createRecorder(self, file_name: str, enc_type: int = ..., max_size: int = ..., options: int = ...) -> None: ...
    @staticmethod
    def typecastFromAudioMedia(media: AudioMedia) -> AudioMediaRecorder: ...

class ToneDesc(pjmedia_tone_desc):
    def __init__(self) -> None: ...

class ToneDigit(pjmedia_tone_digit):
    def __init__(self) -> None: ...

class ToneDigitMapDigit:
    digit: str
    freq1: int
    freq2: int
    def __init__(self) -> None: ...

class ToneGenerator(AudioMedia):
    def __init__(self) -> None: ...
    def createToneGenerator(self, clock_rate: int = ..., channel_count: int = ...) -> None: ...
    def isBusy(self) -> bool: ...
    def stop(self) -> None: ...
    def rewind(self) -> None: ...
    def play(self, tones: ToneDescVector, loop: bool = ...) -> None: ...
    def playDigits(self, digits: ToneDigitVector, loop: bool = ...) -> None: ...
    def getDigitMap(self) -> ToneDigitMapVector: ...
    def setDigitMap(self, digit_map: ToneDigitMapVector) -> None: ...

class AudioDevInfo:
    id: int
    name: str
    inputCount: int
    outputCount: int
    defaultSamplesPerSec: int
    driver: str
    caps: int
    routes: int
    extFmt: MediaFormatAudioVector
    def __init__(self) -> None: ...

class AudDevManager:
    def __init__(self, *args: Any) -> None: ...
    def getCaptureDev(self) -> int: ...
    def getCaptureDevMedia(self) -> AudioMedia: ...
    def getPlaybackDev(self) -> int: ...
    def getPlaybackDevMedia(self) -> AudioMedia: ...
    def setCaptureDev(self, capture_dev: int) -> None: ...
    def setPlaybackDev(self, playback_dev: int) -> None: ...
    def enumDev2(self) -> AudioDevInfoVector2: ...
    def setNullDev(self) -> None: ...
    def setNoDev(self) -> int: ...
    def setSndDevMode(self, mode: int) -> None: ...
    def setEcOptions(self, tail_msec: int, options: int) -> None: ...
    def getEcTail(self) -> int: ...
    def sndIsActive(self) -> bool: ...
    def refreshDevs(self) -> None: ...
    def getDevCount(self) -> int: ...
    def getDevInfo(self, id: int) -> AudioDevInfo: ...
    def lookupDev(self, drv_name: str, dev_name: str) -> int: ...
    def capName(self, cap: int) -> str: ...
    def setExtFormat(self, format: MediaFormatAudio, keep: bool = ...) -> None: ...
    def getExtFormat(self) -> MediaFormatAudio: ...
    def setInputLatency(self, latency_msec: int, keep: bool = ...) -> None: ...
    def getInputLatency(self) -> int: ...
    def setOutputLatency(self, latency_msec: int, keep: bool = ...) -> None: ...
    def getOutputLatency(self) -> int: ...
    def setInputVolume(self, volume: int, keep: bool = ...) -> None: ...
    def getInputVolume(self) -> int: ...
    def setOutputVolume(self, volume: int, keep: bool = ...) -> None: ...
    def getOutputVolume(self) -> int: ...
    def getInputSignal(self) -> int: ...
    def getOutputSignal(self) -> int: ...
    def setInputRoute(self, route: int, keep: bool = ...) -> None: ...
    def getInputRoute(self) -> int: ...
    def setOutputRoute(self, route: int, keep: bool = ...) -> None: ...
    def getOutputRoute(self) -> int: ...
    def setVad(self, enable: bool, keep: bool = ...) -> None: ...
    def getVad(self) -> bool: ...
    def setCng(self, enable: bool, keep: bool = ...) -> None: ...
    def getCng(self) -> bool: ...
    def setPlc(self, enable: bool, keep: bool = ...) -> None: ...
    def getPlc(self) -> bool: ...

class ExtraAudioDevice(AudioMedia):
    def __init__(self, playdev: int, recdev: int) -> None: ...
    def open(self) -> None: ...
    def close(self) -> None: ...
    def isOpened(self) -> bool: ...

class MediaCoordinate:
    x: int
    y: int
    def __init__(self) -> None: ...

class MediaSize:
    w: int
    h: int
    def __init__(self) -> None: ...

class CodecInfo:
    codecId: str
    priority: int
    desc: str
    def __init__(self) -> None: ...

class CodecFmtp:
    name: str
    val: str
    def __init__(self) -> None: ...

class CodecParamInfo:
    clockRate: int
    channelCnt: int
    avgBps: int
    maxBps: int
    maxRxFrameSize: int
    frameLen: int
    frameLenDenum: int
    encFrameLen: int
    encFrameLenDenum: int
    pcmBitsPerSample: int
    pt: int
    fmtId: int
    def __init__(self) -> None: ...

class CodecParamSetting:
    frmPerPkt: int
    vad: bool
    cng: bool
    penh: bool
    plc: bool
    reserved: bool
    encFmtp: CodecFmtpVector
    decFmtp: CodecFmtpVector
    packetLoss: int
    complexity: int
    cbr: bool
    def __init__(self) -> None: ...

class CodecParam:
    info: CodecParamInfo
    setting: CodecParamSetting
    def __init__(self) -> None: ...

class CodecOpusConfig:
    sample_rate: int
    channel_cnt: int
    frm_ptime: int
    frm_ptime_denum: int
    bit_rate: int
    packet_loss: int
    complexity: int
    cbr: bool
    def __init__(self) -> None: ...

class CodecLyraConfig:
    bitRate: int
    modelPath: str
    def __init__(self) -> None: ...

class MediaFmtChangedEvent:
    newWidth: int
    newHeight: int
    def __init__(self) -> None: ...

class AudDevErrorEvent:
    dir: int
    id: int
    status: int
    def __init__(self) -> None: ...

class MediaEventData:
    fmtChanged: MediaFmtChangedEvent
    audDevError: AudDevErrorEvent
    ptr: Any
    def __init__(self) -> None: ...

class MediaEvent:
    type: int
    data: MediaEventData
    pjMediaEvent: int
    def __init__(self) -> None: ...

class PresenceStatus:
    status: int
    statusText: str
    activity: Any
    note: str
    rpidId: str
    def __init__(self) -> None: ...

class BuddyConfig:
    uri: str
    subscribe: bool
    subscribe_dlg_event: bool
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class BuddyInfo:
    uri: str
    contact: str
    accId: int
    presMonitorEnabled: bool
    subState: int
    subStateName: str
    subTermCode: int
    subTermReason: str
    presStatus: PresenceStatus
    def __init__(self) -> None: ...

class OnBuddyEvSubStateParam:
    e: SipEvent
    def __init__(self) -> None: ...

class Buddy:
    def __init__(self) -> None: ...
    def create(self, acc: Account, cfg: BuddyConfig) -> None: ...
    def isValid(self) -> bool: ...
    def getId(self) -> int: ...
    def getInfo(self) -> BuddyInfo: ...
    def subscribePresence(self, subscribe: bool) -> None: ...
    def updatePresence(self) -> None: ...
    def subscribeDlgEvent(self, subscribe: bool) -> None: ...
    def updateDlgEvent(self) -> None: ...
    def sendInstantMessage(self, prm: SendInstantMessageParam) -> None: ...
    def sendTypingIndication(self, prm: SendTypingIndicationParam) -> None: ...
    def onBuddyState(self) -> None: ...
    def onBuddyDlgEventState(self) -> None: ...
    def onBuddyEvSubState(self, prm: OnBuddyEvSubStateParam) -> None: ...
    def onBuddyEvSubDlgEventState(self, prm: OnBuddyEvSubStateParam) -> None: ...

class AccountRegConfig:
    registrarUri: str
    registerOnAdd: bool
    disableRegOnModify: bool
    headers: SipHeaderVector
    contactParams: str
    contactUriParams: str
    timeoutSec: int
    retryIntervalSec: int
    firstRetryIntervalSec: int
    randomRetryIntervalSec: int
    delayBeforeRefreshSec: int
    dropCallsOnFail: bool
    unregWaitMsec: int
    proxyUse: int
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class AccountSipConfig:
    authCreds: AuthCredInfoVector
    proxies: StringVector
    contactForced: str
    contactParams: str
    contactUriParams: str
    authInitialEmpty: bool
    authInitialAlgorithm: str
    transportId: int
    ipv6Use: int
    useSharedAuth: bool
    autoRespondSipMessage: bool
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class AccountCallConfig:
    holdType: int
    prackUse: int
    timerUse: int
    siprecUse: int
    timerMinSESec: int
    timerSessExpiresSec: int
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class AccountPresConfig:
    headers: SipHeaderVector
    publishEnabled: bool
    publishQueue: bool
    publishShutdownWaitMsec: int
    pidfTupleId: str
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class AccountMwiConfig:
    enabled: bool
    expirationSec: int
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class AccountNatConfig:
    sipStunUse: int
    mediaStunUse: int
    sipUpnpUse: int
    mediaUpnpUse: int
    nat64Opt: int
    iceEnabled: bool
    iceTrickle: int
    iceMaxHostCands: int
    iceManualHost: Any
    iceAggressiveNomination: bool
    iceNominatedCheckDelayMsec: int
    iceWaitNominationTimeoutMsec: int
    iceCheckSrcAddr: int
    iceNoRtcp: bool
    iceAlwaysUpdate: bool
    turnEnabled: bool
    turnServer: str
    turnConnType: int
    turnUserName: str
    turnPasswordType: int
    turnPassword: str
    contactRewriteUse: int
    contactRewriteMethod: int
    contactUseSrcPort: int
    viaRewriteUse: int
    sdpNatRewriteUse: int
    sipOutboundUse: int
    sipOutboundInstanceId: str
    sipOutboundRegId: str
    udpKaIntervalSec: int
    udpKaData: str
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class SendRequestParam:
    userData: int
    method: str
    txOption: SipTxOption
    def __init__(self) -> None: ...

class SrtpCrypto:
    key: str
    name: str
    flags: int
    def __init__(self) -> None: ...

class SrtpOpt:
    cryptos: SrtpCryptoVector
    keyings: IntVector
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class RtcpFbCap:
    codecId: str
    type: int
    typeName: str
    param: str
    def __init__(self) -> None: ...

class RtcpFbConfig:
    dontUseAvpf: bool
    caps: RtcpFbCapVector
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class AccountMediaConfig:
    transportConfig: TransportConfig
    lockCodecEnabled: bool
    streamKaEnabled: bool
    srtpUse: int
    srtpSecureSignaling: int
    srtpOpt: SrtpOpt
    ipv6Use: int
    rtcpMuxEnabled: bool
    rtcpFbConfig: RtcpFbConfig
    rtcpXrEnabled: bool
    useLoopMedTp: bool
    enableLoopback: bool
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class AccountTextConfig:
    redundancyLevel: int
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class AccountIpChangeConfig:
    shutdownTp: bool
    hangupCalls: bool
    reinviteFlags: int
    reinvUseUpdate: int
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class AccountConfig:
    priority: int
    idUri: str
    regConfig: AccountRegConfig
    sipConfig: AccountSipConfig
    callConfig: AccountCallConfig
    presConfig: AccountPresConfig
    mwiConfig: AccountMwiConfig
    natConfig: AccountNatConfig
    mediaConfig: AccountMediaConfig
    videoConfig: Any
    textConfig: AccountTextConfig
    ipChangeConfig: AccountIpChangeConfig
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class AccountInfo:
    id: int
    isDefault: bool
    uri: str
    regIsConfigured: bool
    regIsActive: bool
    regExpiresSec: int
    regStatus: int
    regStatusText: str
    regLastErr: int
    onlineStatus: bool
    onlineStatusText: str
    def __init__(self) -> None: ...

class OnIncomingCallParam:
    callId: int
    rdata: SipRxData
    def __init__(self) -> None: ...

class OnRegStartedParam:
    renew: bool
    def __init__(self) -> None: ...

class OnRegStateParam:
    status: int
    code: int
    reason: str
    rdata: SipRxData
    expiration: int
    def __init__(self) -> None: ...

class OnIncomingSubscribeParam:
    srvPres: int
    fromUri: str
    rdata: SipRxData
    code: int
    reason: str
    txOption: SipTxOption
    def __init__(self) -> None: ...

class OnInstantMessageParam:
    fromUri: str
    toUri: str
    contactUri: str
    contentType: str
    msgBody: str
    rdata: SipRxData
    def __init__(self) -> None: ...

class OnInstantMessageStatusParam:
    userData: int
    toUri: str
    msgBody: str
    code: int
    reason: str
    rdata: SipRxData
    def __init__(self) -> None: ...

class OnTypingIndicationParam:
    fromUri: str
    toUri: str
    contactUri: str
    isTyping: bool
    rdata: SipRxData
    def __init__(self) -> None: ...

class OnMwiInfoParam:
    state: int
    rdata: SipRxData
    def __init__(self) -> None: ...

class OnSendRequestParam:
    userData: int
    e: SipEvent
    def __init__(self) -> None: ...

class AuthChallenge:
    def __init__(self) -> None: ...
    def defer(self) -> AuthChallenge: ...
    def respond(self, *args: Any) -> int: ...
    def abandon(self) -> int: ...
    def isValid(self) -> bool: ...

class OnAuthChallengeParam:
    accId: int
    callId: int
    rdata: SipRxData
    challenge: AuthChallenge
    def __init__(self) -> None: ...

class PresNotifyParam:
    srvPres: int
    state: int
    stateStr: str
    reason: str
    withBody: bool
    txOption: SipTxOption
    def __init__(self) -> None: ...

class FindBuddyMatch:
    def match(self, token: str, buddy: Buddy) -> bool: ...
    def __init__(self) -> None: ...

class DeferredResponse:
    def __init__(self, *args: Any) -> None: ...

class SendResponseParam:
    deferredResponse: DeferredResponse
    code: int
    reason: str
    def __init__(self) -> None: ...

class AccountShutdownParam:
    force: bool
    def __init__(self) -> None: ...

class Account:
    def __init__(self) -> None: ...
    def create(self, cfg: AccountConfig, make_default: bool = ...) -> None: ...
    def shutdown(self) -> None: ...
    def shutdown2(self, prm: AccountShutdownParam) -> None: ...
    def modify(self, cfg: AccountConfig) -> None: ...
    def isValid(self) -> bool: ...
    def setDefault(self) -> None: ...
    def isDefault(self) -> bool: ...
    def getId(self) -> int: ...
    @staticmethod
    def lookup(acc_id: int) -> Account: ...
    def getInfo(self) -> AccountInfo: ...
    def sendRequest(self, prm: SendRequestParam) -> None: ...
    def sendResponse(self, prm: SendResponseParam) -> None: ...
    def setRegistration(self, renew: bool) -> None: ...
    def setOnlineStatus(self, pres_st: PresenceStatus) -> None: ...
    def setTransport(self, tp_id: int) -> None: ...
    def presNotify(self, prm: PresNotifyParam) -> None: ...
    def enumBuddies2(self) -> BuddyVector2: ...
    def findBuddy2(self, uri: str) -> Buddy: ...
    def onIncomingCall(self, prm: OnIncomingCallParam) -> None: ...
    def onRegStarted(self, prm: OnRegStartedParam) -> None: ...
    def onRegState(self, prm: OnRegStateParam) -> None: ...
    def onIncomingSubscribe(self, prm: OnIncomingSubscribeParam) -> None: ...
    def onInstantMessage(self, prm: OnInstantMessageParam) -> None: ...
    def onInstantMessageStatus(self, prm: OnInstantMessageStatusParam) -> None: ...
    def onSendRequest(self, prm: OnSendRequestParam) -> None: ...
    def onTypingIndication(self, prm: OnTypingIndicationParam) -> None: ...
    def onMwiInfo(self, prm: OnMwiInfoParam) -> None: ...
    def onAuthChallenge(self, prm: OnAuthChallengeParam) -> None: ...

class MathStat:
    n: int
    max: int
    min: int
    last: int
    mean: int
    def __init__(self) -> None: ...

class LossType:
    burst: int
    random: int
    def __init__(self) -> None: ...

class RtcpStreamStat:
    update: TimeVal
    updateCount: int
    pkt: int
    bytes: int
    discard: int
    loss: int
    reorder: int
    dup: int
    strangers: int
    misfits: int
    lossPeriodUsec: MathStat
    lossType: LossType
    jitterUsec: MathStat
    def __init__(self) -> None: ...

class RtcpSdes:
    cname: str
    name: str
    email: str
    phone: str
    loc: str
    tool: str
    note: str
    def __init__(self) -> None: ...

class RtcpStat:
    start: TimeVal
    txStat: RtcpStreamStat
    rxStat: RtcpStreamStat
    rttUsec: MathStat
    rtpTxLastTs: int
    rtpTxLastSeq: int
    rxIpdvUsec: MathStat
    rxRawJitterUsec: MathStat
    peerSdes: RtcpSdes
    def __init__(self) -> None: ...

class JbufState:
    frameSize: int
    minPrefetch: int
    maxPrefetch: int
    burst: int
    prefetch: int
    size: int
    avgDelayMsec: int
    minDelayMsec: int
    maxDelayMsec: int
    devDelayMsec: int
    avgBurst: int
    lost: int
    discard: int
    empty: int
    def __init__(self) -> None: ...

class SdpSession:
    wholeSdp: str
    pjSdpSession: int
    def __init__(self) -> None: ...

class MediaTransportInfo:
    localRtpName: str
    localRtcpName: str
    srcRtpName: str
    srcRtcpName: str
    def __init__(self) -> None: ...

class CallSetting:
    flag: int
    reqKeyframeMethod: int
    audioCount: int
    videoCount: int
    textCount: int
    mediaDir: Any
    customCallId: str
    def __init__(self, useDefaultValues: bool = ...) -> None: ...
    def isEmpty(self) -> bool: ...

class CallMediaInfo:
    index: int
    type: int
    dir: int
    status: int
    audioConfSlot: int
    videoIncomingWindowId: int
    videoWindow: Any
    videoCapDev: int
    def __init__(self) -> None: ...

class CallInfo:
    id: int
    role: int
    accId: int
    localUri: str
    localContact: str
    remoteUri: str
    remoteContact: str
    callIdString: str
    setting: CallSetting
    state: int
    stateText: str
    lastStatusCode: int
    lastReason: str
    media: CallMediaInfoVector
    provMedia: CallMediaInfoVector
    connectDuration: TimeVal
    totalDuration: TimeVal
    remOfferer: bool
    remAudioCount: int
    remVideoCount: int
    remTextCount: int
    def __init__(self) -> None: ...

class StreamInfo:
    type: int
    proto: int
    dir: int
    remoteRtpAddress: str
    remoteRtcpAddress: str
    txPt: int
    rxPt: int
    audTxEventPt: int
    audRxEventPt: int
    codecName: str
    codecClockRate: int
    audCodecParam: CodecParam
    vidCodecParam: Any
    jbInit: int
    jbMinPre: int
    jbMaxPre: int
    jbMax: int
    jbDiscardAlgo: int
    rtcpSdesByeDisabled: bool
    def __init__(self) -> None: ...

class StreamStat:
    rtcp: RtcpStat
    jbuf: JbufState
    def __init__(self) -> None: ...

class OnCallStateParam:
    e: SipEvent
    def __init__(self) -> None: ...

class OnCallTsxStateParam:
    e: SipEvent
    def __init__(self) -> None: ...

class OnCallMediaStateParam:
    def __init__(self) -> None: ...

class OnCallSdpCreatedParam:
    sdp: SdpSession
    remSdp: SdpSession
    def __init__(self) -> None: ...

class OnStreamPreCreateParam:
    streamIdx: int
    streamInfo: StreamInfo
    def __init__(self) -> None: ...

class OnStreamCreatedParam:
    stream: int
    streamIdx: int
    destroyPort: bool
    pPort: int
    def __init__(self) -> None: ...

class OnStreamDestroyedParam:
    stream: int
    streamIdx: int
    def __init__(self) -> None: ...

class OnDtmfDigitParam:
    method: int
    digit: str
    duration: int
    def __init__(self) -> None: ...

class OnDtmfEventParam:
    method: int
    timestamp: int
    digit: str
    duration: int
    flags: int
    def __init__(self) -> None: ...

class OnCallRxTextParam:
    seq: int
    ts: int
    text: str
    def __init__(self) -> None: ...

class OnCallTransferRequestParam:
    dstUri: str
    statusCode: int
    opt: CallSetting
    newCall: Call
    def __init__(self) -> None: ...

class OnCallTransferStatusParam:
    statusCode: int
    reason: str
    finalNotify: bool
    cont: bool
    def __init__(self) -> None: ...

class OnCallReplaceRequestParam:
    rdata: SipRxData
    statusCode: int
    reason: str
    opt: CallSetting
    newCall: Call
    def __init__(self) -> None: ...

class OnCallReplacedParam:
    newCallId: int
    newCall: Call
    def __init__(self) -> None: ...

class OnCallRxOfferParam:
    offer: SdpSession
    statusCode: int
    opt: CallSetting
    def __init__(self) -> None: ...

class OnCallRxReinviteParam:
    offer: SdpSession
    rdata: SipRxData
    isAsync: bool
    statusCode: int
    opt: CallSetting
    def __init__(self) -> None: ...

class OnCallTxOfferParam:
    opt: CallSetting
    def __init__(self) -> None: ...

class OnCallRedirectedParam:
    targetUri: str
    e: SipEvent
    def __init__(self) -> None: ...

class OnCallMediaEventParam:
    medIdx: int
    ev: MediaEvent
    def __init__(self, *args: Any) -> None: ...

class OnCallMediaTransportStateParam:
    medIdx: int
    state: int
    status: int
    sipErrorCode: int
    def __init__(self) -> None: ...

class OnCreateMediaTransportParam:
    mediaIdx: int
    mediaTp: int
    flags: int
    def __init__(self) -> None: ...

class OnCreateMediaTransportSrtpParam:
    mediaIdx: int
    srtpUse: int
    cryptos: SrtpCryptoVector
    def __init__(self) -> None: ...

class CallOpParam:
    opt: CallSetting
    statusCode: int
    reason: str
    options: int
    txOption: SipTxOption
    sdp: SdpSession
    def __init__(self, useDefaultCallSetting: bool = ...) -> None: ...

class CallSendRequestParam:
    method: str
    txOption: SipTxOption
    def __init__(self) -> None: ...

class CallSendDtmfParam:
    method: int
    duration: int
    digits: str
    def __init__(self) -> None: ...

class CallSendTextParam:
    medIdx: int
    text: str
    def __init__(self) -> None: ...

class Call:
    def __init__(self, acc: Account, call_id: int = ...) -> None: ...
    def getInfo(self) -> CallInfo: ...
    def isActive(self) -> bool: ...
    def getId(self) -> int: ...
    @staticmethod
    def lookup(call_id: int) -> Call: ...
    def hasMedia(self) -> bool: ...
    def getMedia(self, med_idx: int) -> Media: ...
    def getAudioMedia(self, med_idx: int) -> AudioMedia: ...
    def getEncodingVideoMedia(self, med_idx: int) -> Any: ...
    def getDecodingVideoMedia(self, med_idx: int) -> Any: ...
    def remoteHasCap(self, htype: int, hname: str, token: str) -> int: ...
    def setUserData(self, user_data: int) -> None: ...
    def getUserData(self) -> int: ...
    def getRemNatType(self) -> int: ...
    def makeCall(self, dst_uri: str, prm: CallOpParam) -> None: ...
    def answer(self, prm: CallOpParam) -> None: ...
    def hangup(self, prm: CallOpParam) -> None: ...
    def setHold(self, prm: CallOpParam) -> None: ...
    def reinvite(self, prm: CallOpParam) -> None: ...
    def update(self, prm: CallOpParam) -> None: ...
    def xfer(self, dest: str, prm: CallOpParam) -> None: ...
    def xferReplaces(self, dest_call: Call, prm: CallOpParam) -> None: ...
    def processRedirect(self, cmd: int) -> None: ...
    def dialDtmf(self, digits: str) -> None: ...
    def sendDtmf(self, param: CallSendDtmfParam) -> None: ...
    def sendText(self, param: CallSendTextParam) -> None: ...
    def sendInstantMessage(self, prm: SendInstantMessageParam) -> None: ...
    def sendTypingIndication(self, prm: SendTypingIndicationParam) -> None: ...
    def sendRequest(self, prm: CallSendRequestParam) -> None: ...
    def dump(self, with_media: bool, indent: str) -> str: ...
    def vidGetStreamIdx(self) -> int: ...
    def vidStreamIsRunning(self, med_idx: int, dir: int) -> bool: ...
    def vidSetStream(self, op: int, param: Any) -> None: ...
    def vidStreamModifyCodecParam(self, med_idx: int, param: Any) -> None: ...
    def audStreamModifyCodecParam(self, med_idx: int, param: CodecParam) -> None: ...
    def getStreamInfo(self, med_idx: int) -> StreamInfo: ...
    def getStreamStat(self, med_idx: int) -> StreamStat: ...
    def getMedTransportInfo(self, med_idx: int) -> MediaTransportInfo: ...
    def processMediaUpdate(self, prm: OnCallMediaStateParam) -> None: ...
    def processStateChange(self, prm: OnCallStateParam) -> None: ...
    def onCallState(self, prm: OnCallStateParam) -> None: ...
    def onCallTsxState(self, prm: OnCallTsxStateParam) -> None: ...
    def onCallMediaState(self, prm: OnCallMediaStateParam) -> None: ...
    def onCallSdpCreated(self, prm: OnCallSdpCreatedParam) -> None: ...
    def onStreamPreCreate(self, prm: OnStreamPreCreateParam) -> None: ...
    def onStreamCreated(self, prm: OnStreamCreatedParam) -> None: ...
    def onStreamDestroyed(self, prm: OnStreamDestroyedParam) -> None: ...
    def onDtmfDigit(self, prm: OnDtmfDigitParam) -> None: ...
    def onDtmfEvent(self, prm: OnDtmfEventParam) -> None: ...
    def onCallRxText(self, prm: OnCallRxTextParam) -> None: ...
    def onCallTransferRequest(self, prm: OnCallTransferRequestParam) -> None: ...
    def onCallTransferStatus(self, prm: OnCallTransferStatusParam) -> None: ...
    def onCallReplaceRequest(self, prm: OnCallReplaceRequestParam) -> None: ...
    def onCallReplaced(self, prm: OnCallReplacedParam) -> None: ...
    def onCallRxOffer(self, prm: OnCallRxOfferParam) -> None: ...
    def onCallRxReinvite(self, prm: OnCallRxReinviteParam) -> None: ...
    def onCallTxOffer(self, prm: OnCallTxOfferParam) -> None: ...
    def onInstantMessage(self, prm: OnInstantMessageParam) -> None: ...
    def onInstantMessageStatus(self, prm: OnInstantMessageStatusParam) -> None: ...
    def onTypingIndication(self, prm: OnTypingIndicationParam) -> None: ...
    def onCallRedirected(self, prm: OnCallRedirectedParam) -> int: ...
    def onCallMediaTransportState(self, prm: OnCallMediaTransportStateParam) -> None: ...
    def onCallMediaEvent(self, prm: OnCallMediaEventParam) -> None: ...
    def onCreateMediaTransport(self, prm: OnCreateMediaTransportParam) -> None: ...
    def onCreateMediaTransportSrtp(self, prm: OnCreateMediaTransportSrtpParam) -> None: ...

class OnNatDetectionCompleteParam:
    status: int
    reason: str
    natType: int
    natTypeName: str
    def __init__(self) -> None: ...

class OnNatCheckStunServersCompleteParam:
    userData: int
    status: int
    name: str
    addr: str
    def __init__(self) -> None: ...

class OnTimerParam:
    userData: int
    msecDelay: int
    def __init__(self) -> None: ...

class SslCertName:
    type: int
    name: str
    def __init__(self) -> None: ...

class SslCertInfo:
    version: int
    serialNo: int
    subjectCn: str
    subjectInfo: str
    issuerCn: str
    issuerInfo: str
    validityStart: TimeVal
    validityEnd: TimeVal
    validityGmt: bool
    subjectAltName: SslCertNameVector
    raw: str
    def __init__(self) -> None: ...
    def isEmpty(self) -> bool: ...

class TlsInfo:
    established: bool
    protocol: int
    cipher: int
    cipherName: str
    localAddr: str
    remoteAddr: str
    localCertInfo: SslCertInfo
    remoteCertInfo: SslCertInfo
    verifyStatus: int
    verifyMsgs: StringVector
    def __init__(self) -> None: ...
    def isEmpty(self) -> bool: ...

class OnTransportStateParam:
    hnd: int
    type: str
    state: int
    lastError: int
    tlsInfo: TlsInfo
    def __init__(self) -> None: ...

class OnSelectAccountParam:
    rdata: SipRxData
    accountIndex: int
    def __init__(self) -> None: ...

class IpChangeParam:
    restartListener: bool
    restartLisDelay: int
    shutdownTransport: bool
    def __init__(self) -> None: ...

class RegProgressParam:
    isRegister: bool
    code: int
    def __init__(self) -> None: ...

class OnIpChangeProgressParam:
    op: int
    status: int
    transportId: int
    accId: int
    callId: int
    regInfo: RegProgressParam
    def __init__(self) -> None: ...

class OnMediaEventParam:
    ev: MediaEvent
    def __init__(self) -> None: ...

class OnRejectedIncomingCallParam:
    callId: int
    localInfo: str
    remoteInfo: str
    statusCode: int
    reason: str
    rdata: SipRxData
    def __init__(self) -> None: ...

class AudioMediaAddInfo:
    mediaId: int
    def __init__(self) -> None: ...

class AudioMediaRemoveInfo:
    mediaId: int
    def __init__(self) -> None: ...

class AudioMediaConnectInfo:
    mediaId: int
    targetMediaId: int
    adjLevel: int
    def __init__(self) -> None: ...

class AudioMediaDisconnectInfo:
    mediaId: int
    targetMediaId: int
    def __init__(self) -> None: ...

class AudioMediaOpParam:
    addInfo: AudioMediaAddInfo
    removeInfo: AudioMediaRemoveInfo
    connectInfo: AudioMediaConnectInfo
    disconnectInfo: AudioMediaDisconnectInfo
    def __init__(self) -> None: ...

class OnAudioMediaOpCompletedParam:
    opType: int
    status: int
    opParam: AudioMediaOpParam
    def __init__(self) -> None: ...

class DigestChallenge:
    realm: str
    otherParam: Any
    domain: str
    nonce: str
    opaque: str
    stale: int
    algorithm: str
    qop: str
    def __init__(self) -> None: ...

class DigestCredential:
    realm: str
    otherParam: Any
    username: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    cnonce: str
    opaque: str
    qop: str
    nc: str
    def __init__(self) -> None: ...

class OnCredAuthParam:
    digestChallenge: DigestChallenge
    credentialInfo: AuthCredInfo
    method: str
    digestCredential: DigestCredential
    def __init__(self) -> None: ...

class UaConfig:
    maxCalls: int
    threadCnt: int
    mainThreadOnly: bool
    nameserver: StringVector
    outboundProxies: StringVector
    userAgent: str
    stunServer: StringVector
    stunTryIpv6: bool
    stunIgnoreFailure: bool
    natTypeInSdp: int
    mwiUnsolicitedEnabled: bool
    enableUpnp: bool
    upnpIfName: str
    noRefersub: bool
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class LogEntry:
    level: int
    msg: str
    threadId: int
    threadName: str
    def __init__(self) -> None: ...

class LogWriter:
    def write(self, entry: LogEntry) -> None: ...
    def __init__(self) -> None: ...

class LogConfig:
    msgLogging: int
    level: int
    consoleLevel: int
    decor: int
    filename: str
    fileFlags: int
    writer: LogWriter
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class MediaConfig:
    clockRate: int
    sndClockRate: int
    sndUseSwClock: bool
    channelCount: int
    audioFramePtime: int
    maxMediaPorts: int
    confThreads: int
    hasIoqueue: bool
    threadCnt: int
    quality: int
    ptime: int
    noVad: bool
    ilbcMode: int
    txDropPct: int
    rxDropPct: int
    ecOptions: int
    ecTailLen: int
    sndRecLatency: int
    sndPlayLatency: int
    jbInit: int
    jbMinPre: int
    jbMaxPre: int
    jbMax: int
    jbDiscardAlgo: int
    sndAutoCloseTime: int
    vidPreviewEnableNative: bool
    def __init__(self) -> None: ...
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...

class EpConfig:
    uaConfig: UaConfig
    logConfig: LogConfig
    medConfig: MediaConfig
    def readObject(self, node: Any) -> None: ...
    def writeObject(self, node: Any) -> None: ...
    def __init__(self) -> None: ...

class PendingJob:
    def execute(self, is_pending: bool) -> None: ...
    def __init__(self) -> None: ...

class Endpoint:
    @staticmethod
    def instance() -> Endpoint: ...
    def __init__(self) -> None: ...
    def libVersion(self) -> Version: ...
    def libCreate(self) -> None: ...
    def libGetState(self) -> int: ...
    def libInit(self, prmEpConfig: EpConfig) -> None: ...
    def libStart(self) -> None: ...
    def libRegisterThread(self, name: str) -> None: ...
    def libIsThreadRegistered(self) -> bool: ...
    def libStopWorkerThreads(self) -> None: ...
    def libHandleEvents(self, msec_timeout: int) -> int: ...
    def libDestroy(self, prmFlags: int = ...) -> None: ...
    def libGetSipIoqueueHandle(self) -> int: ...
    def utilStrError(self, prmErr: int) -> str: ...
    def utilLogWrite(self, *args: Any) -> None: ...
    def utilVerifySipUri(self, prmUri: str) -> int: ...
    def utilVerifyUri(self, prmUri: str) -> int: ...
    def utilTimerSchedule(self, prmMsecDelay: int, prmUserData: int) -> int: ...
    def utilTimerCancel(self, prmToken: int) -> None: ...
    def utilAddPendingJob(self, job: PendingJob) -> None: ...
    def utilSslGetAvailableCiphers(self) -> IntVector: ...
    def natDetectType(self) -> None: ...
    def natGetType(self) -> int: ...
    def natUpdateStunServers(self, prmServers: StringVector, prmWait: bool) -> None: ...
    def natCheckStunServers(self, prmServers: StringVector, prmWait: bool, prmUserData: int) -> None: ...
    def natCancelCheckStunServers(self, token: int, notify_cb: bool = ...) -> None: ...
    def transportCreate(self, type: int, cfg: TransportConfig) -> int: ...
    def transportEnum(self) -> IntVector: ...
    def transportGetInfo(self, id: int) -> TransportInfo: ...
    def transportClose(self, id: int) -> None: ...
    def transportShutdown(self, tp: int) -> None: ...
    def hangupAllCalls(self) -> None: ...
    def mediaAdd(self, media: AudioMedia) -> None: ...
    def mediaRemove(self, media: AudioMedia) -> None: ...
    def mediaExists(self, media: AudioMedia) -> bool: ...
    def mediaMaxPorts(self) -> int: ...
    def mediaActivePorts(self) -> int: ...
    def mediaEnumPorts2(self) -> AudioMediaVector2: ...
    def mediaEnumVidPorts(self) -> Any: ...
    def audDevManager(self) -> AudDevManager: ...
    def vidDevManager(self) -> Any: ...
    def codecEnum2(self) -> CodecInfoVector2: ...
    def codecSetPriority(self, codec_id: str, priority: int) -> None: ...
    def codecGetParam(self, codec_id: str) -> CodecParam: ...
    def codecSetParam(self, codec_id: str, param: CodecParam) -> None: ...
    def videoCodecEnum2(self) -> CodecInfoVector2: ...
    def videoCodecSetPriority(self, codec_id: str, priority: int) -> None: ...
    def getVideoCodecParam(self, codec_id: str) -> Any: ...
    def setVideoCodecParam(self, codec_id: str, param: Any) -> None: ...
    def resetVideoCodecParam(self, codec_id: str) -> None: ...
    def getCodecOpusConfig(self) -> CodecOpusConfig: ...
    def setCodecOpusConfig(self, opus_cfg: CodecOpusConfig) -> None: ...
    def getCodecLyraConfig(self) -> CodecLyraConfig: ...
    def setCodecLyraConfig(self, lyra_cfg: CodecLyraConfig) -> None: ...
    def srtpCryptoEnum(self) -> StringVector: ...
    def handleIpChange(self, param: IpChangeParam) -> None: ...
    def onNatDetectionComplete(self, prm: OnNatDetectionCompleteParam) -> None: ...
    def onNatCheckStunServersComplete(self, prm: OnNatCheckStunServersCompleteParam) -> None: ...
    def onTransportState(self, prm: OnTransportStateParam) -> None: ...
    def onTimer(self, prm: OnTimerParam) -> None: ...
    def onSelectAccount(self, prm: OnSelectAccountParam) -> None: ...
    def onIpChangeProgress(self, prm: OnIpChangeProgressParam) -> None: ...
    def onMediaEvent(self, prm: OnMediaEventParam) -> None: ...
    def onCredAuth(self, prm: OnCredAuthParam) -> int: ...
    def onRejectedIncomingCall(self, prm: OnRejectedIncomingCallParam) -> None: ...
    def onAudioMediaOpCompleted(self, prm: OnAudioMediaOpCompletedParam) -> None: ...
    def onVideoMediaOpCompleted(self, prm: Any) -> None: ...

class AudioClip:
    def sizeBytes(self) -> int: ...
    def __init__(self, pcm: _Bytes) -> None: ...

class RingStats:
    ticks: int
    pairsDropped: int
    callerMissing: int
    playedBytes: int
    flushedBytes: int
    underruns: int
    partialFrames: int
    noiseFrames: int
    clipPlays: int
    def __init__(self) -> None: ...

class RingAudioPort(AudioMedia):
    def __init__(self) -> None: ...
    def create(self, name: str, clockRate: int, ptimeMs: int = ..., rxMs: int = ..., txMs: int = ...) -> None: ...
    def pairBytes(self) -> int: ...
    def readableBytes(self) -> int: ...
    def txQueuedBytes(self) -> int: ...
    def txRoomBytes(self) -> int: ...
    def txPlayedBytes(self) -> int: ...
    def txFlushedBytes(self) -> int: ...
    def flush(self) -> None: ...
    def pause(self, fadeMs: int = ...) -> None: ...
    def resume(self, fadeMs: int = ...) -> None: ...
    def isPaused(self) -> bool: ...
    def setOwed(self, owed: bool) -> None: ...
    def setClip(self, clip: AudioClip) -> None: ...
    def setClipAfter(self, ms: int) -> None: ...
    def setNoiseLevel(self, dbfs: float) -> None: ...
    def stats(self) -> RingStats: ...
    @staticmethod
    def eventFd() -> int: ...
    @staticmethod
    def clearEvent() -> None: ...
    def read(self, maxBytes: int) -> bytes: ...
    def write(self, pcm: _Bytes) -> int: ...
