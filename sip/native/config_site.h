/* Compile-time configuration of pjproject for Trunkline's SIP edge.
 * Copied to pjlib/include/pj/config_site.h before the build. */

#define PJ_HAS_IPV6                          1
#define PJ_LOG_MAX_LEVEL                     5

/* Scale: a call holds two bridge ports (its stream and our ring port) and two sockets. */
#define PJSUA_MAX_CALLS                      512
#define PJSUA_MAX_CONF_PORTS                 1200
#define PJSUA_MAX_ACC                        256
#define PJ_IOQUEUE_MAX_HANDLES               4096   /* needs --enable-epoll */
#define PJ_IOQUEUE_MAX_EVENTS_IN_SINGLE_POLL 64
#define PJSIP_MAX_TSX_COUNT                  8191
#define PJSIP_MAX_DIALOG_COUNT               4095
#define PJSIP_MAX_PKT_LEN                    16000
#define PJSIP_UDP_SO_RCVBUF_SIZE             (4*1024*1024)
#define PJSIP_UDP_SO_SNDBUF_SIZE             (4*1024*1024)

/* Media: G.711, G.722 and Opus; no video, no echo canceller (there is no sound device). */
#define PJSUA_DEFAULT_CLOCK_RATE             16000
#define PJMEDIA_HAS_VIDEO                    0
#define PJMEDIA_CONF_USE_AGC                 0
#define PJMEDIA_HAS_WEBRTC_AEC               0
#define PJMEDIA_HAS_SPEEX_AEC                0
#define PJMEDIA_HAS_GSM_CODEC                0
#define PJMEDIA_HAS_SPEEX_CODEC              0
#define PJMEDIA_HAS_ILBC_CODEC               0
#define PJMEDIA_HAS_G7221_CODEC              0
#define PJMEDIA_HAS_L16_CODEC                0
#define PJMEDIA_HAS_G722_CODEC               1
#define PJMEDIA_HAS_OPUS_CODEC               1
#define PJMEDIA_CODEC_OPUS_DEFAULT_COMPLEXITY 5
#define PJMEDIA_HAS_RTCP_XR                  0
#define PJMEDIA_STREAM_ENABLE_KA             PJMEDIA_STREAM_KA_EMPTY_RTP
#define PJMEDIA_SRTP_HAS_SDES                1
#define PJMEDIA_SRTP_HAS_DTLS                0
