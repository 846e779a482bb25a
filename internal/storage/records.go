package storage

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// version of the records. Fields may be added, which earlier versions ignore.
const version = 1

// magic begins every file; the version follows in the same line.
const magic = "datadog_org_connections_exporter state "

func fileHeader() string { return fmt.Sprintf("%s%d\n", magic, version) }

const (
	recordHeaderSize = 8       // length and checksum of the payload, big endian
	maxRecordSize    = 1 << 30 // of the JSON in a record: no account is that large
)

var (
	// errBroken is wrapped by errors about the content of a file.
	errBroken = errors.New("the file is broken")
	// errNewer is wrapped by errors about files of a later version.
	errNewer = errors.New("it is a later version's")
)

// jsonOptions leave out checks that the checksum makes needless.
var jsonOptions = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeRecord returns the record of an update.
func encodeRecord(u *storedUpdate) ([]byte, error) {
	var record bytes.Buffer
	record.Write(make([]byte, recordHeaderSize))
	compressed, _ := gzip.NewWriterLevel(&record, gzip.BestSpeed) // the level is valid
	if err := json.MarshalWrite(compressed, u, jsonOptions); err != nil {
		return nil, err
	}
	if err := compressed.Close(); err != nil {
		return nil, err
	}
	payload := record.Bytes()[recordHeaderSize:]
	binary.BigEndian.PutUint32(record.Bytes(), uint32(len(payload))) //nolint:gosec // less than 4 GiB
	binary.BigEndian.PutUint32(record.Bytes()[4:], crc32.Checksum(payload, castagnoli))
	return record.Bytes(), nil
}

// readRecords calls use with each update of a file, and with where its record ends. It
// returns the size of the file up to the end of the last whole record. An error that wraps
// errBroken is about what follows; a record that was not finished is no error.
func readRecords(file *os.File, use func(u *storedUpdate, end int64)) (size int64, err error) {
	info, err := file.Stat()
	if err != nil {
		return 0, err
	}
	r := bufio.NewReaderSize(file, 1<<20)
	if size, err = readFileHeader(r); size == 0 {
		return 0, err
	}
	for n := 1; ; n++ {
		var header [recordHeaderSize]byte
		if _, err := io.ReadFull(r, header[:]); err != nil {
			return size, ignoreEOF(err)
		}
		length := int64(binary.BigEndian.Uint32(header[:]))
		if length > info.Size()-size-recordHeaderSize {
			return size, nil // it was not finished
		}
		payload := make([]byte, length)
		if _, err := io.ReadFull(r, payload); err != nil {
			return size, ignoreEOF(err)
		}
		if length == 0 || crc32.Checksum(payload, castagnoli) != binary.BigEndian.Uint32(header[4:]) {
			if next := size + recordHeaderSize + length; next == info.Size() || isZero(header, payload, r) {
				return size, nil // the file had grown before it was written to
			}
			return size, fmt.Errorf("%w: record %d does not have the checksum that it should have", errBroken, n)
		}
		u, err := decodeRecord(payload)
		if err != nil {
			return size, fmt.Errorf("%w: record %d: %w", errBroken, n, err)
		}
		size += recordHeaderSize + length
		use(u, size)
	}
}

// readFileHeader returns its size, 0 where the file is new or not even that was finished.
func readFileHeader(r *bufio.Reader) (size int64, err error) {
	line, err := r.ReadSlice('\n')
	switch {
	case len(line) < len(fileHeader()) && bytes.HasPrefix([]byte(fileHeader()), line) && errors.Is(err, io.EOF):
		return 0, nil
	case !bytes.HasPrefix(line, []byte(magic)) || !bytes.HasSuffix(line, []byte("\n")):
		return 0, fmt.Errorf("%w: it is no state of this program", errBroken)
	case string(line) != fileHeader():
		return 0, fmt.Errorf("%w: it has version %s, and this program reads version %d", errNewer, bytes.TrimSpace(line[len(magic):]), version)
	}
	return int64(len(line)), nil
}

func decodeRecord(payload []byte) (*storedUpdate, error) {
	compressed, err := gzip.NewReader(bytes.NewReader(payload))
	if err != nil {
		return nil, err
	}
	var u storedUpdate
	if err := json.UnmarshalRead(io.LimitReader(compressed, maxRecordSize), &u, jsonOptions); err != nil {
		return nil, err
	}
	return &u, nil
}

func ignoreEOF(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}

// isZero reports whether a record and all that follows is zero: a file system may leave
// that where a machine went down.
func isZero(header [recordHeaderSize]byte, payload []byte, rest io.Reader) bool {
	r := io.MultiReader(bytes.NewReader(header[:]), bytes.NewReader(payload), rest)
	block := make([]byte, 1<<16)
	for {
		n, err := r.Read(block)
		if bytes.Trim(block[:n], "\x00") != nil {
			return false
		}
		if err != nil {
			return errors.Is(err, io.EOF)
		}
	}
}
