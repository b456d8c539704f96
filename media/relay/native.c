/* The relay for Python: `Flow`, `PacketRelay`, and the lock of SRTP contexts. See native.pyi. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>
#include <structmember.h>

#include "rtp_relay.h"

/* -- Flow ------------------------------------------------------------------------------------- */

typedef struct {
    PyObject_HEAD
    struct flow flow;
} FlowObject;

static PyObject *flow_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    FlowObject *self;

    if (PyTuple_GET_SIZE(args) || keywords)
        return PyErr_Format(PyExc_TypeError, "Flow() takes no arguments");
    self = (FlowObject *)type->tp_alloc(type, 0);
    if (self) {
        pthread_mutex_init(&self->flow.lock, NULL);
        self->flow.out_fd = -1;
    }
    return (PyObject *)self;
}

static void flow_dealloc(PyObject *self)
{
    pthread_mutex_destroy(&((FlowObject *)self)->flow.lock);
    free(((FlowObject *)self)->flow.kept);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *py_flow_arm(PyObject *self, PyObject *args)
{
    unsigned long long expect, stop;

    if (!PyArg_ParseTuple(args, "KK:arm", &expect, &stop))
        return NULL;
    flow_arm(&((FlowObject *)self)->flow, expect, stop);
    Py_RETURN_NONE;
}

static PyObject *figures_of(PyObject *self, bool disarm)
{
    struct figures figures = flow_figures(&((FlowObject *)self)->flow, disarm);

    return Py_BuildValue("KdII", (unsigned long long)figures.expect, figures.heard_at,
                         figures.failures, figures.unauthentic);
}

static PyObject *py_flow_figures(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return figures_of(self, false);
}

static PyObject *py_flow_disarm(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    return figures_of(self, true);
}

static PyObject *py_flow_watch_tones(PyObject *self, PyObject *args)
{
    Py_buffer kept;
    bool fits, done;

    if (!PyArg_ParseTuple(args, "y*:watch_tones", &kept))
        return NULL;
    fits = kept.len == 0 || kept.len == TONE_KEPT_BYTES;
    done = fits && flow_watch_tones(&((FlowObject *)self)->flow, kept.len ? kept.buf : NULL);
    PyBuffer_Release(&kept);
    if (fits && !done)
        return PyErr_NoMemory();
    if (!fits)
        return PyErr_Format(PyExc_ValueError, "%d bytes are kept, or none", TONE_KEPT_BYTES);
    Py_RETURN_NONE;
}

static PyObject *py_flow_kept(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct flow *flow = &((FlowObject *)self)->flow;
    uint8_t kept[TONE_KEPT_BYTES];
    size_t size;

    pthread_mutex_lock(&flow->lock);
    size = flow->kept ? sizeof kept : 0;
    if (size)
        memcpy(kept, flow->kept, size);
    pthread_mutex_unlock(&flow->lock);
    return PyBytes_FromStringAndSize((const char *)kept, (Py_ssize_t)size);
}

#define PYTHON_MEMBER(name, type, member) \
    {#name, member, offsetof(FlowObject, flow.name), 0, NULL},

static PyMemberDef flow_members[] = {FLOW_FIELDS(PYTHON_MEMBER){NULL, 0, 0, 0, NULL}};

static PyMethodDef flow_methods[] = {
    {"arm", py_flow_arm, METH_VARARGS, NULL},
    {"figures", py_flow_figures, METH_NOARGS, NULL},
    {"disarm", py_flow_disarm, METH_NOARGS, NULL},
    {"watch_tones", py_flow_watch_tones, METH_VARARGS, NULL},
    {"kept", py_flow_kept, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyTypeObject FlowType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "media.relay.native.Flow",
    .tp_basicsize = sizeof(FlowObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = flow_new,
    .tp_dealloc = flow_dealloc,
    .tp_members = flow_members,
    .tp_methods = flow_methods,
};

/* -- PacketRelay ------------------------------------------------------------------------------ */

typedef struct {
    PyObject_HEAD
    struct relay relay;
} RelayObject;

static FlowObject *object_of(struct flow *flow)
{
    return (FlowObject *)((char *)flow - offsetof(FlowObject, flow));
}

static struct relay *open_relay(PyObject *self)
{
    struct relay *relay = &((RelayObject *)self)->relay;

    if (relay->table)
        return relay;
    PyErr_SetString(PyExc_ValueError, "the relay is closed");
    return NULL;
}

static void release(PyObject *self)
{
    struct relay *relay = &((RelayObject *)self)->relay;

    for (int fd = 0; relay->table && fd < MOST_DESCRIPTORS; fd++) {
        struct flow *flow = relay->table[fd] ? relay_remove(relay, fd) : NULL;
        if (flow)
            Py_DECREF(object_of(flow));
    }
    relay_close(relay);
}

static PyObject *relay_new(PyTypeObject *type, PyObject *args, PyObject *keywords)
{
    Py_buffer loud, translated;
    unsigned long long unprotect, protect;
    RelayObject *self = NULL;

    if (keywords)
        return PyErr_Format(PyExc_TypeError, "PacketRelay() takes no keywords");
    if (!PyArg_ParseTuple(args, "y*y*KK:PacketRelay", &loud, &translated, &unprotect, &protect))
        return NULL;
    if (loud.len != sizeof self->relay.loud || translated.len != sizeof self->relay.translated) {
        PyErr_SetString(PyExc_ValueError, "a table has another size");
    } else {
        self = (RelayObject *)type->tp_alloc(type, 0);
    }
    if (self) {
        memcpy(self->relay.loud, loud.buf, sizeof self->relay.loud);
        memcpy(self->relay.translated, translated.buf, sizeof self->relay.translated);
        self->relay.unprotect = (srtp_function *)(uintptr_t)unprotect;
        self->relay.protect = (srtp_function *)(uintptr_t)protect;
        if (relay_open(&self->relay) < 0) {
            PyErr_SetFromErrno(PyExc_OSError);
            Py_CLEAR(self);
        }
    }
    PyBuffer_Release(&loud);
    PyBuffer_Release(&translated);
    return (PyObject *)self;
}

static void relay_dealloc(PyObject *self)
{
    release(self);
    Py_TYPE(self)->tp_free(self);
}

static PyObject *py_relay_close(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    release(self);
    Py_RETURN_NONE;
}

static PyObject *py_relay_fileno(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct relay *relay = open_relay(self);
    return relay ? PyLong_FromLong(relay->notify) : NULL;
}

static PyObject *py_relay_add(PyObject *self, PyObject *args)
{
    struct relay *relay = open_relay(self);
    FlowObject *flow;
    uint64_t serial;
    int fd;

    if (!relay || !PyArg_ParseTuple(args, "iO!:add_flow", &fd, &FlowType, &flow))
        return NULL;
    serial = relay_add(relay, fd, &flow->flow);
    if (!serial)
        return PyErr_SetFromErrno(PyExc_OSError);
    Py_INCREF(flow);
    return PyLong_FromUnsignedLongLong(serial);
}

static PyObject *py_relay_remove(PyObject *self, PyObject *args)
{
    struct relay *relay = open_relay(self);
    struct flow *flow;
    int fd;

    if (!relay || !PyArg_ParseTuple(args, "i:remove_flow", &fd))
        return NULL;
    flow = relay_remove(relay, fd);
    if (!flow)
        return PyErr_Format(PyExc_KeyError, "nothing is received on descriptor %d", fd);
    Py_DECREF(object_of(flow));
    Py_RETURN_NONE;
}

static PyObject *py_relay_drain(PyObject *self, PyObject *args)
{
    struct relay *relay = open_relay(self);
    double now;
    int limit, batches, packets;

    if (!relay || !PyArg_ParseTuple(args, "iid:drain", &limit, &batches, &now))
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    packets = relay_drain(relay, limit, batches, now);
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(packets);
}

static PyObject *py_relay_run(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct relay *relay = open_relay(self);

    if (!relay)
        return NULL;
    Py_BEGIN_ALLOW_THREADS
    relay_run(relay);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static PyObject *py_relay_stop(PyObject *self, PyObject *Py_UNUSED(ignored))
{
    struct relay *relay = open_relay(self);

    if (!relay)
        return NULL;
    relay_stop(relay);
    Py_RETURN_NONE;
}

static PyObject *py_relay_set_tones(PyObject *self, PyObject *args)
{
    struct relay *relay = open_relay(self);
    Py_buffer tables;
    bool fits;

    if (!relay || !PyArg_ParseTuple(args, "y*:set_tones", &tables))
        return NULL;
    fits = tables.len == sizeof relay->tones;
    if (fits)
        memcpy(&relay->tones, tables.buf, sizeof relay->tones);
    PyBuffer_Release(&tables);
    if (!fits)
        return PyErr_Format(PyExc_ValueError, "the table has another size");
    Py_RETURN_NONE;
}

static PyObject *py_relay_take(PyObject *self, PyObject *args)
{
    struct relay *relay = open_relay(self);
    struct handed_over packet;
    Py_buffer buffer;
    bool found;

    if (!relay || !PyArg_ParseTuple(args, "w*:take_packet", &buffer))
        return NULL;
    if (buffer.len < MAX_DATAGRAM_BYTES) {
        PyBuffer_Release(&buffer);
        return PyErr_Format(PyExc_ValueError, "the buffer is too small");
    }
    found = relay_take(relay, &packet, buffer.buf);
    PyBuffer_Release(&buffer);
    if (!found)
        Py_RETURN_NONE;
    return Py_BuildValue("KId", (unsigned long long)packet.serial, packet.size, packet.at);
}

static PyObject *py_behind_since(PyObject *self, void *Py_UNUSED(closure))
{
    return PyFloat_FromDouble(((RelayObject *)self)->relay.behind_since);
}

static PyObject *py_overflowed(PyObject *self, void *Py_UNUSED(closure))
{
    return PyLong_FromUnsignedLongLong(((RelayObject *)self)->relay.overflowed);
}

static PyMethodDef relay_methods[] = {
    {"fileno", py_relay_fileno, METH_NOARGS, NULL},
    {"add_flow", py_relay_add, METH_VARARGS, NULL},
    {"remove_flow", py_relay_remove, METH_VARARGS, NULL},
    {"drain", py_relay_drain, METH_VARARGS, NULL},
    {"set_tones", py_relay_set_tones, METH_VARARGS, NULL},
    {"run", py_relay_run, METH_NOARGS, NULL},
    {"stop", py_relay_stop, METH_NOARGS, NULL},
    {"take_packet", py_relay_take, METH_VARARGS, NULL},
    {"close", py_relay_close, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef relay_figures[] = {
    {"behind_since", py_behind_since, NULL, NULL, NULL},
    {"overflowed", py_overflowed, NULL, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyTypeObject RelayType = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "media.relay.native.PacketRelay",
    .tp_basicsize = sizeof(RelayObject),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_new = relay_new,
    .tp_dealloc = relay_dealloc,
    .tp_methods = relay_methods,
    .tp_getset = relay_figures,
};

/* -- the module ------------------------------------------------------------------------------- */

static PyObject *lock_srtp(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    if (pthread_mutex_trylock(&srtp_lock)) { /* another thread of Python may have it, and wait */
        Py_BEGIN_ALLOW_THREADS
        pthread_mutex_lock(&srtp_lock);
        Py_END_ALLOW_THREADS
    }
    Py_RETURN_NONE;
}

static PyObject *unlock_srtp(PyObject *Py_UNUSED(module), PyObject *Py_UNUSED(ignored))
{
    pthread_mutex_unlock(&srtp_lock);
    Py_RETURN_NONE;
}

static PyMethodDef module_methods[] = {
    {"lock_srtp", lock_srtp, METH_NOARGS, NULL},
    {"unlock_srtp", unlock_srtp, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef module = {
    PyModuleDef_HEAD_INIT,
    .m_name = "native",
    .m_size = -1,
    .m_methods = module_methods,
};

PyMODINIT_FUNC PyInit_native(void)
{
    PyObject *made = PyModule_Create(&module);

    if (made && (PyModule_AddType(made, &FlowType) < 0 || PyModule_AddType(made, &RelayType) < 0))
        Py_CLEAR(made);
    return made;
}
