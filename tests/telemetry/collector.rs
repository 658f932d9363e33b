//! A collector of traces: what a service sends it over OTLP (<https://opentelemetry.io/docs/specs/otlp/>), protobuf
//! over HTTP or gRPC.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use prost::Message;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::support::{TestServer, until};

#[derive(Clone, Debug)]
pub struct Span {
    pub name: String,
    pub trace: String,
    pub id: String,
    /// Empty: the first of its trace.
    pub parent: String,
    pub attributes: BTreeMap<String, String>,
    /// What the sender is called.
    pub service: BTreeMap<String, String>,
    pub began: u64,
    pub ended: u64,
}

#[derive(Default)]
struct Received {
    spans: Vec<Span>,
    bytes: Vec<u8>,
}

pub struct Collector {
    address: SocketAddr,
    protocol: &'static str,
    received: Arc<Mutex<Received>>,
}

/// What takes requests over gRPC.
struct OverGrpc(Arc<Mutex<Received>>);

// === impl Collector ===

impl Collector {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, received) = (listener.local_addr().unwrap(), Arc::<Mutex<Received>>::default());
        let collector = Self { address, protocol: "http/protobuf", received: received.clone() };
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let (connection, received) = (connection.unwrap(), received.clone());
                std::thread::spawn(move || serve(connection, &received));
            }
        });
        collector
    }

    pub fn start_grpc() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let (address, received) = (listener.local_addr().unwrap(), Arc::<Mutex<Received>>::default());
        let service = TraceServiceServer::new(OverGrpc(received.clone()));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let incoming = TcpIncoming::from(tokio::net::TcpListener::from_std(listener).unwrap());
                Server::builder().add_service(service).serve_with_incoming(incoming).await.unwrap();
            });
        });
        Self { address, protocol: "grpc", received }
    }

    /// A service that sends its spans here.
    pub fn service(&self, instance: &str, variables: &[(&str, &str)]) -> TestServer {
        let (endpoint, instance) = (format!("http://{}", self.address), format!("service.instance.id={instance}"));
        let ours = [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", self.protocol),
            ("OTEL_RESOURCE_ATTRIBUTES", &instance),
            ("OTEL_BSP_SCHEDULE_DELAY", "50"),
        ];
        TestServer::start(&[&ours, variables].concat())
    }

    /// The spans of a trace, once this many of its requests have ended.
    pub fn trace(&self, id: &str, requests: usize) -> Vec<Span> {
        until("the trace", || {
            let spans = self.spans();
            let spans: Vec<Span> = spans.into_iter().filter(|span| span.trace == id).collect();
            let ended = spans.iter().filter(|span| span.attributes.contains_key("http.route")).count();
            (ended == requests).then_some(spans)
        })
    }

    pub fn spans(&self) -> Vec<Span> {
        self.received.lock().unwrap().spans.clone()
    }

    /// All that was sent.
    pub fn bytes(&self) -> Vec<u8> {
        self.received.lock().unwrap().bytes.clone()
    }
}

#[tonic::async_trait]
impl TraceService for OverGrpc {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let request = request.into_inner();
        let mut received = self.0.lock().unwrap();
        received.bytes.extend(request.encode_to_vec());
        received.spans.extend(spans(request));
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// Takes requests until the other side closes.
fn serve(connection: TcpStream, received: &Mutex<Received>) {
    let mut answers = connection.try_clone().unwrap();
    let mut requests = BufReader::new(connection);
    while let Some(body) = request_body(&mut requests) {
        let request = ExportTraceServiceRequest::decode(body.as_slice()).expect("spans as OTLP has them");
        let mut received = received.lock().unwrap();
        received.spans.extend(spans(request));
        received.bytes.extend(body);
        drop(received);
        let answer = b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        let _ = answers.write_all(answer);
    }
}

fn request_body(requests: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut length = 0;
    let mut first = true;
    loop {
        let mut line = String::new();
        if requests.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if first {
            assert!(line.starts_with("POST /v1/traces "), "{line}");
            first = false;
        }
        if let Some((name, value)) = line.trim_end().split_once(": ")
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    requests.read_exact(&mut body).ok()?;
    Some(body)
}

fn spans(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for of_a_service in request.resource_spans {
        let service = texts(of_a_service.resource.map(|resource| resource.attributes).unwrap_or_default());
        for span in of_a_service.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                name: span.name,
                trace: hexadecimal(&span.trace_id),
                id: hexadecimal(&span.span_id),
                parent: hexadecimal(&span.parent_span_id),
                attributes: texts(span.attributes),
                service: service.clone(),
                began: span.start_time_unix_nano,
                ended: span.end_time_unix_nano,
            });
        }
    }
    spans
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    attributes.into_iter().map(|attribute| (attribute.key, text(attribute.value))).collect()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}
