package wire

// Methods of class tx.

// The ids of class tx.
const (
	IDTxSelect   ID = 90<<16 | 10
	IDTxCommit   ID = 90<<16 | 20
	IDTxRollback ID = 90<<16 | 30
)

// TxSelect asks for transactions.
type TxSelect struct{}

// ID is the method's number.
func (*TxSelect) ID() ID { return IDTxSelect }

func (*TxSelect) fields(*codec) {}

// TxCommit ends a transaction.
type TxCommit struct{}

// ID is the method's number.
func (*TxCommit) ID() ID { return IDTxCommit }

func (*TxCommit) fields(*codec) {}

// TxRollback takes a transaction back.
type TxRollback struct{}

// ID is the method's number.
func (*TxRollback) ID() ID { return IDTxRollback }

func (*TxRollback) fields(*codec) {}

func newTx(id ID) Method {
	switch id {
	case IDTxSelect:
		return &TxSelect{}
	case IDTxCommit:
		return &TxCommit{}
	case IDTxRollback:
		return &TxRollback{}
	}
	return nil
}

func nameTx(id ID) string {
	switch id {
	case IDTxSelect:
		return "tx.select"
	case IDTxCommit:
		return "tx.commit"
	case IDTxRollback:
		return "tx.rollback"
	}
	return ""
}
