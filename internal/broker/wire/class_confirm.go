package wire

// Methods of class confirm.

// The ids of class confirm.
const (
	IDConfirmSelect   ID = 85<<16 | 10
	IDConfirmSelectOk ID = 85<<16 | 11
)

// ConfirmSelect asks for confirms.
type ConfirmSelect struct {
	NoWait bool
}

// ID is the method's number.
func (*ConfirmSelect) ID() ID { return IDConfirmSelect }

func (m *ConfirmSelect) fields(c *codec) { c.bits(&m.NoWait) }

// ConfirmSelectOk agrees.
type ConfirmSelectOk struct{}

// ID is the method's number.
func (*ConfirmSelectOk) ID() ID { return IDConfirmSelectOk }

func (*ConfirmSelectOk) fields(*codec) {}

func newConfirm(id ID) Method {
	switch id {
	case IDConfirmSelect:
		return &ConfirmSelect{}
	case IDConfirmSelectOk:
		return &ConfirmSelectOk{}
	}
	return nil
}

func nameConfirm(id ID) string {
	switch id {
	case IDConfirmSelect:
		return "confirm.select"
	case IDConfirmSelectOk:
		return "confirm.select-ok"
	}
	return ""
}
