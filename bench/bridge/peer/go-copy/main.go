// The data path of argonaut on AF_VSOCK: io.Copy in both directions with half-close. The splice shortcut, which Go has for TCP to
// unix but not for vsock connections, is hidden behind plain Reader and Writer types.
package main

import (
	"io"
	"net"
	"os"
)

type reader struct{ io.Reader }
type writer struct{ io.Writer }
type halfCloser interface{ CloseWrite() error }

func relay(to net.Conn, from net.Conn, done chan<- struct{}) {
	io.Copy(writer{to}, reader{from})
	to.(halfCloser).CloseWrite()
	done <- struct{}{}
}

func main() {
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		panic(err)
	}
	for {
		accepted, err := listener.Accept()
		if err != nil {
			continue
		}
		go func() {
			defer accepted.Close()
			dialled, err := net.Dial("unix", os.Args[2])
			if err != nil {
				return
			}
			defer dialled.Close()
			done := make(chan struct{}, 2)
			go relay(dialled, accepted, done)
			go relay(accepted, dialled, done)
			<-done
			<-done
		}()
	}
}
